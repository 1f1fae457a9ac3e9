//! What a scripted origin answers: a response, or something that only looks like one.
//!
//! An answer is a list of steps on the connection: send bytes, wait for a gate, hang up. The builders make honest
//! responses; `declare_length`, `cut_after`, `raw` and `never` make the others.

use crate::gate::Gate;

/// One answer. Cloning repeats it.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
    /// Those of a chunked body.
    trailers: String,
    interim: Vec<u8>,
    before_head: Option<Gate>,
    before_end: Option<Gate>,
    pace: Pace,
    end: End,
}

#[derive(Debug, Clone)]
enum Body {
    /// With its true length, or with another one declared.
    Whole {
        bytes: Vec<u8>,
        declared: Option<usize>,
    },
    Chunked(Vec<Vec<u8>>),
    /// Ends with the connection.
    Unframed(Vec<u8>),
    /// The answer's bytes as they are, header section and all.
    Raw(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    AtOnce,
    /// Every byte in a write of its own.
    ByteByByte,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    KeepAlive,
    Close,
    /// Close with only so many bytes of the body sent.
    CutAfter(usize),
    Never,
}

/// What the origin does next on the connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Wait(Gate),
    Close,
    /// Keep the connection and say nothing more.
    Hang,
}

impl Answer {
    /// 200 with `Content-Length`.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }

    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::with(status, Body::Whole { bytes: body.into(), declared: None }, End::KeepAlive)
    }

    /// 200 with one chunk per piece.
    pub fn chunked(pieces: &[&str]) -> Self {
        let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
        Self::with(200, Body::Chunked(pieces), End::KeepAlive)
    }

    /// 200 without a length: the body ends with the connection.
    pub fn until_close(body: impl Into<Vec<u8>>) -> Self {
        Self::with(200, Body::Unframed(body.into()), End::Close)
    }

    /// These bytes, whatever they are; then the connection closes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::with(0, Body::Raw(bytes.into()), End::Close)
    }

    /// Takes the request and stays silent.
    pub fn never() -> Self {
        Self::with(0, Body::Raw(Vec::new()), End::Never)
    }

    /// Takes the request and closes the connection.
    pub fn hang_up() -> Self {
        Self::raw("")
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends this field behind a chunked body.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers += &format!("{name}: {value}\r\n");
        self
    }

    /// A `Content-Length` that is not true.
    pub fn declare_length(mut self, length: usize) -> Self {
        if let Body::Whole { declared, .. } = &mut self.body {
            *declared = Some(length);
        }
        self.closing()
    }

    /// Closes the connection with only the first `bytes` of the body sent.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.end = End::CutAfter(bytes);
        self
    }

    /// Closes the connection after the answer, and says so nowhere.
    pub fn closing(mut self) -> Self {
        self.end = End::Close;
        self
    }

    /// Sends nothing until the gate is open.
    pub fn after(mut self, gate: &Gate) -> Self {
        self.before_head = Some(gate.clone());
        self
    }

    /// Sends these bytes before anything else: interim responses.
    pub fn preceded_by(mut self, interim: impl Into<Vec<u8>>) -> Self {
        self.interim = interim.into();
        self
    }

    /// Keeps back the last byte of the body (the last chunk of a chunked one) until the gate is open.
    pub fn finishing_after(mut self, gate: &Gate) -> Self {
        self.before_end = Some(gate.clone());
        self
    }

    /// Sends every byte in a write of its own.
    pub fn byte_by_byte(mut self) -> Self {
        self.pace = Pace::ByteByByte;
        self
    }

    fn with(status: u16, body: Body, end: End) -> Self {
        let (headers, trailers, interim) = (Vec::new(), String::new(), Vec::new());
        let (before_head, before_end) = (None, None);
        Self { status, headers, body, trailers, interim, before_head, before_end, pace: Pace::AtOnce, end }
    }

    /// The steps of answering a request of this method.
    pub(crate) fn steps(&self, method: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        self.send(self.interim.clone(), &mut steps);
        steps.extend(self.before_head.iter().cloned().map(Step::Wait));
        let (mut start, mut rest) = self.body_pieces();
        if let End::CutAfter(bytes) = self.end {
            start.append(&mut rest);
            start.truncate(bytes);
        }
        if self.before_end.is_none() {
            // One write, so that who reads it is not now and then given two pieces.
            start.append(&mut rest);
        }
        let bodiless = method == "HEAD" || matches!(self.status, 204 | 304);
        self.send(self.head(), &mut steps);
        if !bodiless || matches!(self.body, Body::Raw(_)) {
            self.send(start, &mut steps);
            steps.extend(self.before_end.iter().cloned().map(Step::Wait));
            self.send(rest, &mut steps);
        }
        match self.end {
            End::KeepAlive => {}
            End::Close | End::CutAfter(_) => steps.push(Step::Close),
            End::Never => steps.push(Step::Hang),
        }
        steps
    }

    fn send(&self, bytes: Vec<u8>, steps: &mut Vec<Step>) {
        match self.pace {
            Pace::AtOnce if bytes.is_empty() => {}
            Pace::AtOnce => steps.push(Step::Send(bytes)),
            Pace::ByteByByte => steps.extend(bytes.into_iter().map(|byte| Step::Send(vec![byte]))),
        }
    }

    fn head(&self) -> Vec<u8> {
        if matches!(self.body, Body::Raw(_)) {
            return Vec::new();
        }
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::Whole { .. } if matches!(self.status, 204 | 304) => {}
            Body::Whole { bytes, declared } => {
                head.push_str(&format!("Content-Length: {}\r\n", declared.unwrap_or(bytes.len())));
            }
            Body::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
            Body::Unframed(_) => head.push_str("Connection: close\r\n"),
            Body::Raw(_) => {}
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The body as sent, before and behind the place of `finishing_after`.
    fn body_pieces(&self) -> (Vec<u8>, Vec<u8>) {
        let split = |bytes: &[u8]| {
            let (start, rest) = bytes.split_at(bytes.len().saturating_sub(1));
            (start.to_vec(), rest.to_vec())
        };
        match &self.body {
            Body::Whole { bytes, .. } | Body::Unframed(bytes) | Body::Raw(bytes) => split(bytes),
            Body::Chunked(pieces) => {
                let chunk = |piece: &Vec<u8>| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                let chunks: Vec<Vec<u8>> = pieces.iter().map(chunk).collect();
                let (last, first) =
                    chunks.split_last().map_or((&[][..], &[][..]), |(last, first)| (last.as_slice(), first));
                (first.concat(), [last, b"0\r\n", self.trailers.as_bytes(), b"\r\n"].concat())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(answer: &Answer, method: &str) -> String {
        let bytes = answer.steps(method).into_iter().filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes),
            _ => None,
        });
        String::from_utf8(bytes.collect::<Vec<_>>().concat()).unwrap()
    }

    #[test]
    fn a_body_is_one_write_unless_a_gate_lies_within() {
        let bodies = |answer: Answer| -> Vec<Vec<u8>> {
            let steps = answer.steps("GET").into_iter().skip(1);
            steps.filter_map(|step| if let Step::Send(bytes) = step { Some(bytes) } else { None }).collect()
        };
        assert_eq!(bodies(Answer::ok("abc")), [b"abc"]);
        assert_eq!(bodies(Answer::ok("abc").finishing_after(&Gate::closed())), [&b"ab"[..], b"c"]);
    }

    #[test]
    fn honest_answers_are_framed() {
        let ok = Answer::ok("abc").header("ETag", "\"1\"");
        assert_eq!(sent(&ok, "GET"), "HTTP/1.1 200 Scripted\r\nETag: \"1\"\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(sent(&ok, "HEAD"), "HTTP/1.1 200 Scripted\r\nETag: \"1\"\r\nContent-Length: 3\r\n\r\n");
        assert_eq!(sent(&ok.clone().byte_by_byte(), "GET"), sent(&ok, "GET"));
        let chunked = sent(&Answer::chunked(&["ab", "c"]), "GET");
        assert!(chunked.ends_with("Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"));
    }

    #[test]
    fn dishonest_answers_are_what_was_asked_for() {
        assert!(sent(&Answer::ok("abc").declare_length(9), "GET").ends_with("Content-Length: 9\r\n\r\nabc"));
        assert!(sent(&Answer::ok("abc").cut_after(1), "GET").ends_with("Content-Length: 3\r\n\r\na"));
        assert!(matches!(Answer::never().steps("GET").as_slice(), [Step::Hang]));
        assert!(matches!(Answer::hang_up().steps("GET").as_slice(), [Step::Close]));
    }

    #[test]
    fn gates_stand_where_they_were_put() {
        let gate = Gate::closed();
        let steps = Answer::ok("abc").after(&gate).finishing_after(&gate).steps("GET");
        assert!(
            matches!(&steps[..], [Step::Wait(_), Step::Send(_), Step::Send(_), Step::Wait(_), Step::Send(last)] if last == b"c")
        );
    }
}

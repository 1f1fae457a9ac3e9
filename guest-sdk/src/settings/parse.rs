//! From JSON text to a [`Json`] tree, to the letter of RFC 8259.
//!
//! Numbers of up to 15 digits with exponents up to 22 are exact; beyond that the last digit of a double may be off by
//! one or two, as exact conversion takes 15 KB of tables and code, for settings nobody writes.

use super::fault::Fault;
use super::json::Json;

/// How deep lists and tables may nest: a reader calls itself once per level.
const DEPTH_MAX: u8 = 64;

/// Reads one JSON value and nothing after it.
///
/// # Errors
/// What is not JSON, with the path of its key and its line and column.
pub(super) fn parse(text: &str) -> Result<Json, Fault> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(DEPTH_MAX)?;
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.fault("expected nothing after the value")),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: u8) -> Result<Json, Fault> {
        match self.peek() {
            Some(b'{') => self.table(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.fault("expected a value")),
        }
    }

    fn table(&mut self, depth: u8) -> Result<Json, Fault> {
        let depth = self.deeper(depth)?;
        let mut entries = Vec::new();
        while !self.ended(b'}', entries.len())? {
            if self.peek() != Some(b'"') {
                return Err(self.fault("expected a key"));
            }
            let key = self.string()?;
            if !self.took(b':') {
                return Err(self.fault("expected `:`").under(&key));
            }
            match self.value(depth) {
                Ok(value) => entries.push((key, value)),
                Err(fault) => return Err(fault.under(&key)),
            }
        }
        Ok(Json::Table(entries))
    }

    fn list(&mut self, depth: u8) -> Result<Json, Fault> {
        let depth = self.deeper(depth)?;
        let mut items = Vec::new();
        while !self.ended(b']', items.len())? {
            let item = self.value(depth).map_err(|fault| fault.at(items.len()))?;
            items.push(item);
        }
        Ok(Json::List(items))
    }

    /// Passes the bracket that opens a list or table.
    fn deeper(&mut self, depth: u8) -> Result<u8, Fault> {
        self.at += 1;
        depth.checked_sub(1).ok_or_else(|| self.fault("nested too deep"))
    }

    /// Passes what stands before the next item: nothing, a comma or the closing bracket.
    fn ended(&mut self, close: u8, items: usize) -> Result<bool, Fault> {
        if self.took(close) {
            return Ok(true);
        }
        if items > 0 && !self.took(b',') {
            return Err(self.fault(if close == b']' { "expected `,` or `]`" } else { "expected `,` or `}`" }));
        }
        Ok(false)
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Fault> {
        let here = self.text.as_bytes().get(self.at..self.at + word.len());
        if here != Some(word.as_bytes()) {
            return Err(self.fault("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut text)?,
                Some(byte @ 0x20..) => text.push(byte),
                _ => return Err(self.fault("expected the end of a string on its line")),
            }
        }
        // Pieces of one string between ASCII bytes, and whole characters: UTF-8 as the text was.
        String::from_utf8(text).map_err(|_| self.fault("expected UTF-8"))
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Fault> {
        let plain = match self.next() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let character = self.character().ok_or_else(|| self.fault("no such escape"))?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.fault("no such escape")),
        };
        text.push(plain);
        Ok(())
    }

    /// The character of `\uXXXX`, or of two that make a surrogate pair.
    fn character(&mut self) -> Option<char> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        let low = (self.next() == Some(b'\\') && self.next() == Some(b'u')).then(|| self.hex()).flatten()?;
        let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)
    }

    fn hex(&mut self) -> Option<u32> {
        let mut number = 0;
        for _ in 0..4 {
            number = number << 4 | char::from(self.next()?).to_digit(16)?;
        }
        Some(number)
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let negative = self.took(b'-');
        let (mut digits, mut exponent) = (Digits::default(), 0);
        let zero = self.here() == Some(b'0');
        if self.digits(&mut digits)? > 1 && zero {
            return Err(self.fault("expected no zero before a number"));
        }
        let mut whole = digits.lost == 0;
        if self.here() == Some(b'.') {
            self.at += 1;
            let places = self.digits(&mut digits)?;
            (whole, exponent) = (false, -i32::try_from(places).unwrap_or(i32::MAX));
        }
        if let Some(b'e' | b'E') = self.here() {
            self.at += 1;
            whole = false;
            exponent = exponent.saturating_add(self.exponent()?);
        }
        if let (true, Some(number)) = (whole, signed(negative, digits.number)) {
            return Ok(number);
        }
        let value = scale(digits.number as f64, exponent.saturating_add(digits.lost));
        if !value.is_finite() {
            return Err(self.fault("the number is too large"));
        }
        Ok(Json::Decimal(if negative { -value } else { value }))
    }

    fn exponent(&mut self) -> Result<i32, Fault> {
        let negative = self.here() == Some(b'-');
        if let Some(b'-' | b'+') = self.here() {
            self.at += 1;
        }
        let mut digits = Digits::default();
        self.digits(&mut digits)?;
        // Beyond a thousand every double is zero or too large.
        let exponent = if digits.lost > 0 { 10_000 } else { digits.number.min(10_000) as i32 };
        Ok(if negative { -exponent } else { exponent })
    }

    /// Reads one digit or more; how many there were.
    fn digits(&mut self, digits: &mut Digits) -> Result<usize, Fault> {
        let start = self.at;
        while let Some(byte @ b'0'..=b'9') = self.here() {
            digits.push(byte - b'0');
            self.at += 1;
        }
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(self.at - start) }
    }

    fn took(&mut self, byte: u8) -> bool {
        let took = self.peek() == Some(byte);
        self.at += usize::from(took);
        took
    }

    /// The next byte that is no blank, which stays.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.here() {
            self.at += 1;
        }
        self.here()
    }

    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.here()?;
        self.at += 1;
        Some(byte)
    }

    fn fault(&self, message: &str) -> Fault {
        let before = self.text.as_bytes().get(..self.at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        Fault::new([message, " (line ", &line.to_string(), " column ", &column.to_string(), ")"].concat())
    }
}

/// The digits of a number, as far as an integer holds them.
#[derive(Default)]
struct Digits {
    number: u64,
    /// How many digits no longer fitted.
    lost: i32,
}

impl Digits {
    fn push(&mut self, digit: u8) {
        let longer = self.number.checked_mul(10).and_then(|number| number.checked_add(digit.into()));
        match longer.filter(|_| self.lost == 0) {
            Some(number) => self.number = number,
            None => self.lost = self.lost.saturating_add(1),
        }
    }
}

fn signed(negative: bool, number: u64) -> Option<Json> {
    if !negative {
        return Some(Json::Unsigned(number));
    }
    0_i64.checked_sub_unsigned(number).map(Json::Signed)
}

/// `number` times ten to the `exponent`. One exact power of ten and one rounding up to 22, the largest that is exact.
fn scale(mut number: f64, mut exponent: i32) -> f64 {
    while exponent > 0 && number != 0.0 && number.is_finite() {
        let step = exponent.min(22);
        number *= ten_to(step);
        exponent -= step;
    }
    while exponent < 0 && number != 0.0 {
        let step = (-exponent).min(22);
        number /= ten_to(step);
        exponent += step;
    }
    number
}

fn ten_to(exponent: i32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 10.0)
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, parse};
    use crate::settings::json::Json;

    #[test]
    fn values_read_as_they_are_written() {
        let text = |text: &str| Json::Text(text.into());
        for (written, expected) in [
            (" null ", Json::Null),
            ("true", Json::Bool(true)),
            ("0", Json::Unsigned(0)),
            ("-0", Json::Signed(0)),
            ("18446744073709551615", Json::Unsigned(u64::MAX)),
            ("-9223372036854775808", Json::Signed(i64::MIN)),
            ("18446744073709551616", Json::Decimal(18_446_744_073_709_551_616.0)),
            ("-9223372036854775809", Json::Decimal(-9_223_372_036_854_775_808.0)),
            ("0.07", Json::Decimal(0.07)),
            ("12.5e-1", Json::Decimal(1.25)),
            ("1E+2", Json::Decimal(100.0)),
            ("1e22", Json::Decimal(1e22)),
            ("1e-999999999999999999999999", Json::Decimal(0.0)),
            (r#""""#, text("")),
            (r#""a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00é""#, text("a\"\\/\u{8}\u{c}\n\r\tA\u{1f600}é")),
            ("[]", Json::List(vec![])),
            ("[1, [2]]", Json::List(vec![Json::Unsigned(1), Json::List(vec![Json::Unsigned(2)])])),
            (
                r#"{"a":1,"a":{}}"#,
                Json::Table(vec![("a".into(), Json::Unsigned(1)), ("a".into(), Json::Table(vec![]))]),
            ),
        ] {
            assert_eq!(parse(written).expect(written), expected, "{written}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        for (text, expected) in [
            ("", "settings: expected a value (line 1 column 1)"),
            ("nonsense", "settings: expected a value (line 1 column 1)"),
            ("1 2", "settings: expected nothing after the value (line 1 column 3)"),
            ("01", "settings: expected no zero before a number (line 1 column 3)"),
            ("1.", "settings: expected a digit (line 1 column 3)"),
            ("-", "settings: expected a digit (line 1 column 2)"),
            ("1e", "settings: expected a digit (line 1 column 3)"),
            ("1e999", "settings: the number is too large (line 1 column 6)"),
            ("[1,]", "settings[1]: expected a value (line 1 column 4)"),
            ("[1 2]", "settings: expected `,` or `]` (line 1 column 4)"),
            ("{\"a\":1\n\"b\":2}", "settings: expected `,` or `}` (line 2 column 1)"),
            ("{\"a\":\n [tru]}", "settings.a[0]: expected a value (line 2 column 3)"),
            ("{1:2}", "settings: expected a key (line 1 column 2)"),
            ("{\"a\" 2}", "settings.a: expected `:` (line 1 column 6)"),
            ("\"a", "settings: expected the end of a string on its line (line 1 column 3)"),
            ("\"a\nb\"", "settings: expected the end of a string on its line (line 2 column 1)"),
            (r#""\x""#, "settings: no such escape (line 1 column 4)"),
            (r#""\ud800x""#, "settings: no such escape (line 1 column 9)"),
            (r#""\udc00""#, "settings: no such escape (line 1 column 8)"),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(DEPTH_MAX.into())).is_ok());
        assert!(parse(&nested(usize::from(DEPTH_MAX) + 1)).is_err());
        assert!(parse(&"[{\"a\":".repeat(100_000)).is_err());
    }

    #[test]
    fn any_prefix_of_json_has_a_defined_result() {
        let whole = r#"{"a":[1.5e3,-2,"\u00e9\ud83d\ude00",null,true,{"b":{}}],"é":false}"#;
        assert!(parse(whole).is_ok());
        for (end, _) in whole.char_indices() {
            assert!(parse(&whole[..end]).is_err(), "{end} bytes");
        }
    }
}

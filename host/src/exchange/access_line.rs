//! A record as a line of the access log: NCSA combined with the node's fields after it, or one JSON object.
//!
//! The first part of a text line is what fail2ban, GoAccess and AWStats read. Whatever a client sent is escaped, so that
//! no request can forge a line.

use std::io::Write;
use std::time::Duration;

use http::{HeaderValue, Version};

use super::facts::Facts;
use crate::config::LogFormat;
use crate::telemetry::Line;

pub(super) struct AccessLine<'a> {
    record: &'a Facts,
    elapsed: Duration,
    format: LogFormat,
}

impl<'a> AccessLine<'a> {
    pub(super) fn new(record: &'a Facts, elapsed: Duration, format: LogFormat) -> Self {
        Self { record, elapsed, format }
    }
}

impl Line for AccessLine<'_> {
    fn write(&self, line: &mut Vec<u8>) {
        // Writing into memory cannot fail.
        let _ = match self.format {
            LogFormat::Text => self.text(line),
            LogFormat::Json => self.json(line),
        };
    }
}

impl AccessLine<'_> {
    fn text(&self, line: &mut Vec<u8>) -> std::io::Result<()> {
        let r = self.record;
        write!(line, "{} - - [{}] \"{} ", r.client, CommonDate(r.started.unix_seconds()), r.method)?;
        escape(line, r.target.as_str().as_bytes());
        write!(line, " {}\" {} ", version(r.version), r.code())?;
        match r.body_bytes {
            0 => line.push(b'-'),
            bytes => write!(line, "{bytes}")?,
        }
        for value in [&r.referer, &r.user_agent] {
            line.extend_from_slice(b" \"");
            escape(line, value.as_ref().map_or(b"-", HeaderValue::as_bytes));
            line.push(b'"');
        }
        write!(line, " host=\"")?;
        escape(line, r.host.as_ref().map_or(b"-", HeaderValue::as_bytes));
        write!(line, "\" route=\"{}\" cache={} tier={}", r.route, r.cache.word(), r.tier())?;
        if let Some(detail) = r.cache.detail {
            write!(line, " detail={detail}")?;
        }
        let origin = r.origin.as_deref().unwrap_or("-");
        write!(line, " origin={origin} duration_us={} ", self.elapsed.as_micros())?;
        write!(line, "filter_us={:.1} ending={}", r.filter_time.as_secs_f64() * 1e6, r.ending.word())?;
        if let Some((failure, fault)) = r.failure {
            write!(line, " failure={failure} fault={fault}")?;
        }
        line.extend_from_slice(b" id=\"");
        escape(line, r.request_id.as_bytes());
        line.push(b'"');
        Ok(())
    }

    fn json(&self, line: &mut Vec<u8>) -> std::io::Result<()> {
        let r = self.record;
        let text =
            |value: &Option<HeaderValue>| value.as_ref().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
        let fields = serde_json::json!({
            "ts": r.started.unix_nanos() as f64 / 1e9,
            "remote_ip": r.client.to_string(),
            "method": r.method.as_str(),
            "host": text(&r.host),
            "uri": r.target.as_str(),
            "proto": version(r.version),
            "status": r.code(),
            "bytes": r.body_bytes,
            "dur_us": u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX),
            "filter_us": r.filter_time.as_secs_f64() * 1e6,
            "route": &*r.route,
            "cache": r.cache.word(),
            "tier": r.tier(),
            "detail": r.cache.detail,
            "origin": r.origin.as_deref(),
            "ending": r.ending.word(),
            "failure": r.failure.map(|(failure, _)| failure),
            "fault": r.failure.map(|(_, fault)| fault),
            "ua": text(&r.user_agent),
            "ref": text(&r.referer),
            "req_id": String::from_utf8_lossy(r.request_id.as_bytes()),
        });
        serde_json::to_writer(line, &fields).map_err(Into::into)
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// Control bytes, quotes, backslashes and what is not ASCII as `\xHH`, as nginx writes them.
fn escape(line: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b' '..=b'~' if byte != b'"' && byte != b'\\' => line.push(byte),
            _ => {
                let _ = write!(line, "\\x{byte:02X}");
            }
        }
    }
}

/// `21/Nov/2026:03:20:00 +0000`, as the common log format writes time; the node logs in UTC.
struct CommonDate(u64);

impl std::fmt::Display for CommonDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        // Civil date from days, in eras of 400 years that start in March (Hinnant, "chrono-compatible date algorithms").
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12;
        let year = year_of_era + era * 400 + u64::from(month < 2);
        let name = MONTHS[usize::try_from(month).unwrap_or(0)];
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{day:02}/{name}/{year}:{hour:02}:{minute:02}:{second:02} +0000")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_over_leap_days_and_year_ends() {
        let cases = [
            (0, "01/Jan/1970:00:00:00 +0000"),
            (951_782_399, "28/Feb/2000:23:59:59 +0000"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000"),
            (951_868_800, "01/Mar/2000:00:00:00 +0000"),
            (1_704_067_199, "31/Dec/2023:23:59:59 +0000"),
            (1_795_231_200, "21/Nov/2026:03:20:00 +0000"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(CommonDate(seconds).to_string(), expected);
        }
    }

    #[test]
    fn no_value_can_forge_a_line() {
        let mut line = Vec::new();
        escape(&mut line, b"a\"b\\c\r\n\x7f\xff d");
        assert_eq!(line, br"a\x22b\x5Cc\x0D\x0A\x7F\xFF d");
    }
}

//! What hopguard says in a function's log.

use serde_json::Value;

/// One line of hopguard in a function's log, as `tracing_subscriber::fmt().json()` writes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogLine {
    /// Seconds of the day, UTC.
    pub(crate) at: f64,
    pub(crate) kind: Kind,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A record reaches the handler.
    Ran(Place),
    /// A record is kept from it.
    Blocked { place: Place, reason: String, limit: String },
    /// The function is at reserved concurrency 0.
    Tripped { prior: String, chain: String },
    /// Something went wrong.
    Trouble(String),
}

/// Where a record stands in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: String,
    pub(crate) chain: String,
    pub(crate) hop: u64,
    pub(crate) visits: u64,
}

impl LogLine {
    /// Reads a line; any other than hopguard's is `None`.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        if line.get("target")?.as_str()? != "hopguard" {
            return None;
        }
        let fields = line.get("fields")?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let place = || {
            let number = |name: &str| fields.get(name).and_then(Value::as_u64);
            Some(Place {
                source: text("source")?,
                chain: text("chain")?,
                hop: number("hop")?,
                visits: number("visits")?,
            })
        };
        let message = text("message")?;
        let kind = match message.as_str() {
            "chain started" | "record allowed" | "record near or beyond a limit" => Kind::Ran(place()?),
            "record blocked" => {
                Kind::Blocked { place: place()?, reason: text("reason")?, limit: text("limit")? }
            }
            "function tripped: reserved concurrency is 0" => {
                Kind::Tripped { prior: text("prior")?, chain: text("chain")? }
            }
            _ if line.get("level")?.as_str()? == "ERROR" => Kind::Trouble(message),
            _ => return None,
        };
        Some(Self { at: second_of_day(line.get("timestamp")?.as_str()?)?, kind })
    }
}

/// Of an RFC 3339 time in UTC, for example `2026-11-23T23:02:01.123456Z`.
pub(crate) fn second_of_day(time: &str) -> Option<f64> {
    let (_, time) = time.split_once('T')?;
    let mut parts = time.strip_suffix('Z')?.splitn(3, ':').map(str::parse::<f64>);
    let (hours, minutes, seconds) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    Some(hours * 3_600.0 + minutes * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &str, fields: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-11-23T01:02:03.5Z\",\"level\":\"{level}\",\"fields\":{fields},\"target\":\"hopguard\",\"span\":{{\"name\":\"invocation\"}}}}"
        )
    }

    #[test]
    fn reads_what_hopguard_says() {
        let place = || Place { source: "sqs".to_owned(), chain: "5f3c".to_owned(), hop: 4, visits: 3 };
        let standing = "\"source\":\"sqs\",\"chain\":\"5f3c\",\"hop\":4,\"visits\":3";
        let cases = [
            ("DEBUG", format!("{{\"message\":\"record allowed\",{standing}}}"), Some(Kind::Ran(place()))),
            ("DEBUG", format!("{{\"message\":\"chain started\",{standing}}}"), Some(Kind::Ran(place()))),
            (
                "WARN",
                format!("{{\"message\":\"record near or beyond a limit\",{standing},\"reason\":\"visits\"}}"),
                Some(Kind::Ran(place())),
            ),
            (
                "WARN",
                format!("{{\"message\":\"record blocked\",{standing},\"reason\":\"visits\",\"limit\":\"visit 6\"}}"),
                Some(Kind::Blocked { place: place(), reason: "visits".to_owned(), limit: "visit 6".to_owned() }),
            ),
            (
                "ERROR",
                "{\"message\":\"function tripped: reserved concurrency is 0\",\"prior\":\"unreserved\",\"chain\":\"5f3c\"}".to_owned(),
                Some(Kind::Tripped { prior: "unreserved".to_owned(), chain: "5f3c".to_owned() }),
            ),
            ("ERROR", "{\"message\":\"record failed\"}".to_owned(), Some(Kind::Trouble("record failed".to_owned()))),
            ("DEBUG", "{\"message\":\"something new\"}".to_owned(), None),
            ("DEBUG", "{\"message\":\"record allowed\",\"hop\":\"four\"}".to_owned(), None),
        ];
        for (level, fields, expected) in cases {
            let read = LogLine::read(&line(level, &fields));
            assert_eq!(read.as_ref().map(|read| read.at), expected.as_ref().map(|_| 3_723.5), "{fields}");
            assert_eq!(read.map(|read| read.kind), expected, "{fields}");
        }
    }

    #[test]
    fn passes_over_everything_else() {
        let other = line("INFO", "{\"message\":\"record allowed\"}").replace("hopguard", "aws_config");
        for text in ["", "START RequestId: 1", "{}", "[1]", "{\"target\":\"hopguard\"}", other.as_str()] {
            assert_eq!(LogLine::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_no_panic() {
        for text in ["", "T", "2026-11-23", "2026-11-23T1:2Z", "2026-11-23Tx:y:zZ"] {
            assert_eq!(second_of_day(text), None, "{text}");
        }
    }
}

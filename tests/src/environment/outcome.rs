//! What the emulator's answer to an invocation means.

use serde_json::{Value, json};

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The handler answered, with these bytes.
    Answered(Vec<u8>),
    /// The handler or the environment failed; the bytes are JSON with `errorType` and `errorMessage`.
    Failed(Vec<u8>),
}

impl Outcome {
    /// Reads an answer of the emulator: a status, whether a header `Error-Type` came, and a body.
    ///
    /// A handler's error comes with status 200, and only managed instances mark it with a header. So an answer that is an object
    /// with both `errorType` and `errorMessage` is taken for an error, whoever wrote it.
    #[must_use]
    pub fn of_emulator(status: u16, marked: bool, body: Vec<u8>) -> Self {
        let parsed = serde_json::from_slice::<Value>(&body).ok();
        let text = |key: &str| parsed.as_ref()?.get(key)?.as_str().map(str::to_owned);
        let (kind, message) = (text("errorType"), text("errorMessage"));
        if kind.is_some() && message.is_some() {
            return Self::Failed(body);
        }
        let whole = String::from_utf8_lossy(&body);
        let failed = |kind: &str| {
            Self::Failed(json!({"errorType": kind, "errorMessage": whole}).to_string().into_bytes())
        };
        if parsed.is_none() && whole.starts_with("Task timed out after ") {
            failed("Sandbox.Timedout")
        } else if marked || !(200..300).contains(&status) {
            failed(kind.as_deref().unwrap_or("Runtime.Unknown"))
        } else {
            Self::Answered(body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_answers_from_errors() {
        let error = r#"{"errorMessage": "told to", "errorType": "ValueError", "stackTrace": []}"#;
        let timed_out =
            r#"{"errorMessage":"Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}"#;
        let cases = [
            ("an answer", 200, false, r#"{"batchItemFailures":[]}"#, None),
            ("no JSON", 200, false, "plain", None),
            ("a handler's error", 200, false, error, Some(error)),
            ("a crash", 502, false, error, Some(error)),
            ("too slow", 200, false, "Task timed out after 3.00 seconds", Some(timed_out)),
            ("no description", 502, false, "", Some(r#"{"errorMessage":"","errorType":"Runtime.Unknown"}"#)),
            (
                "a type alone",
                502,
                false,
                r#"{"errorType":"Runtime.Unavailable"}"#,
                Some(
                    r#"{"errorMessage":"{\"errorType\":\"Runtime.Unavailable\"}","errorType":"Runtime.Unavailable"}"#,
                ),
            ),
            ("marked", 200, true, "{}", Some(r#"{"errorMessage":"{}","errorType":"Runtime.Unknown"}"#)),
        ];
        for (name, status, marked, body, failed) in cases {
            let outcome = Outcome::of_emulator(status, marked, body.into());
            match (outcome, failed) {
                (Outcome::Answered(answer), None) => assert_eq!(answer, body.as_bytes(), "{name}"),
                // The order of its fields is anybody's.
                (Outcome::Failed(error), Some(expected)) => {
                    let read = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
                    assert_eq!(read(&error), read(expected.as_bytes()), "{name}");
                }
                (outcome, expected) => panic!("{name}: {outcome:?}, not {expected:?}"),
            }
        }
    }
}

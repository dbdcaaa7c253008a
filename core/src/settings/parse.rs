use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::settings::SettingError;

/// A whole number within its range.
pub(super) fn number(
    name: &'static str,
    value: &str,
    (least, most): (u32, u32),
    example: u32,
) -> Result<u32, SettingError> {
    let error = || SettingError::Number { name, value: value.to_owned(), least, most, example };
    value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(error)
}

/// A number with or without a fraction, within its range.
pub(super) fn decimal(
    name: &'static str,
    value: &str,
    (least, most, range): (f64, f64, &'static str),
    example: &'static str,
) -> Result<f64, SettingError> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| SettingError::Decimal { name, value: value.to_owned(), range, example })
}

/// One of a few words, in any case.
pub(super) fn word<T: Copy>(
    name: &'static str,
    value: &str,
    words: &[(&str, T)],
    known: &'static str,
) -> Result<T, SettingError> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| SettingError::Word {
        name,
        value: value.to_owned(),
        known,
    })
}

/// A duration with its unit, `ms`, `s`, `m` or `h`.
pub(super) fn duration(
    name: &'static str,
    value: &str,
    (least, most): (Duration, Duration),
    range: &'static str,
    example: &'static str,
) -> Result<Duration, SettingError> {
    let error = || SettingError::Duration { name, value: value.to_owned(), range, example };
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (digits, unit) = value.split_at_checked(digits).ok_or_else(error)?;
    let count: u32 = digits.parse().map_err(|_| error())?;
    let unit = match unit.trim() {
        "" => return Err(SettingError::MissingUnit { name, value: value.to_owned() }),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return Err(error()),
    };
    unit.checked_mul(count).filter(|duration| (least..=most).contains(duration)).ok_or_else(error)
}

/// The path of a file, from the root.
pub(super) fn path(name: &'static str, value: &str, example: &'static str) -> Result<PathBuf, SettingError> {
    let path = Path::new(value);
    let named = path.has_root() && path.file_name().is_some();
    named.then(|| path.to_owned()).ok_or_else(|| SettingError::Path {
        name,
        value: value.to_owned(),
        example,
    })
}

/// The ARN of an IAM role.
pub(super) fn role_arn(name: &'static str, value: &str) -> Result<String, SettingError> {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, role] if !partition.is_empty() && is_account(account) => {
            role.strip_prefix("role/").filter(|role| !role.is_empty())
        }
        _ => None,
    }
    .map(|_| value.to_owned())
    .ok_or_else(|| SettingError::RoleArn { name, value: value.to_owned() })
}

/// The name or the ARN of a DynamoDB table.
pub(super) fn table(name: &'static str, value: &str) -> Result<String, SettingError> {
    let table = match value.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":table/").map(|(_, table)| table),
        None => Some(value),
    };
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    table
        .filter(|table| (3..=255).contains(&table.len()) && table.bytes().all(is_inner))
        .map(|_| value.to_owned())
        .ok_or_else(|| SettingError::Table { name, value: value.to_owned() })
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The URL of an SQS queue: its path ends in account and name.
pub(super) fn queue_url(name: &'static str, value: &str) -> Result<String, SettingError> {
    let error = || SettingError::QueueUrl { name, value: value.to_owned() };
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")).ok_or_else(error)?;
    let mut parts = rest.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(host), Some(account), Some(queue), None)
            if !host.is_empty() && is_account(account) && !queue.is_empty() =>
        {
            Ok(value.to_owned())
        }
        _ => Err(error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_say_what_to_write() {
        let range = (Duration::from_millis(10), Duration::from_secs(30));
        let read = |value| {
            duration("HOPGUARD_X", value, range, "from 10ms to 30s", "1s").map_err(|error| error.to_string())
        };
        assert_eq!(read("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(read("2 s"), Ok(Duration::from_secs(2)));
        let cases = [
            (
                "30",
                "HOPGUARD_X=\"30\" is not a duration: the unit is missing; write for example \"30ms\" or \"30s\"",
            ),
            ("1h", "HOPGUARD_X=\"1h\" is not a duration from 10ms to 30s; write for example \"1s\""),
            ("1m", "HOPGUARD_X=\"1m\" is not a duration from 10ms to 30s; write for example \"1s\""),
            ("-1s", "HOPGUARD_X=\"-1s\" is not a duration from 10ms to 30s; write for example \"1s\""),
            ("1ü", "HOPGUARD_X=\"1ü\" is not a duration from 10ms to 30s; write for example \"1s\""),
            (
                "9999999999s",
                "HOPGUARD_X=\"9999999999s\" is not a duration from 10ms to 30s; write for example \"1s\"",
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(read(value), Err(expected.to_owned()), "{value}");
        }
    }

    #[test]
    fn a_role_is_named_by_its_arn() {
        for good in [
            "arn:aws:iam::123456789012:role/cooldown",
            "arn:aws-us-gov:iam::123456789012:role/path/of/cooldown",
        ] {
            assert_eq!(role_arn("HOPGUARD_COOLDOWN_ROLE", good).as_deref(), Ok(good));
        }
        for bad in [
            "cooldown",
            "role/cooldown",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:user/cooldown",
            "arn:aws:iam::1:role/cooldown",
            "arn:aws:iam:us-east-1:123456789012:role/cooldown",
            "arn::iam::123456789012:role/cooldown",
        ] {
            assert!(role_arn("HOPGUARD_COOLDOWN_ROLE", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_table_is_named_by_its_name_or_arn() {
        for good in ["hopguard-ledger", "a.b", "arn:aws:dynamodb:eu-central-1:123456789012:table/ledger"] {
            assert_eq!(table("HOPGUARD_LEDGER_TABLE", good).as_deref(), Ok(good));
        }
        for bad in
            ["ab", "my ledger", "arn:aws:dynamodb:eu-central-1:123456789012:ledger", "arn:aws:x:table/", ""]
        {
            assert!(table("HOPGUARD_LEDGER_TABLE", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_queue_is_named_by_its_url() {
        for good in [
            "https://sqs.eu-central-1.amazonaws.com/123456789012/q.fifo",
            "http://127.0.0.1:4566/000000000000/q",
        ] {
            assert_eq!(queue_url("HOPGUARD_QUARANTINE", good).as_deref(), Ok(good));
        }
        for bad in [
            "q",
            "arn:aws:sqs:eu-central-1:123456789012:q",
            "https://host/q",
            "https:///123456789012/q",
            "https://h/123/q",
            "https://h/123456789012/",
        ] {
            assert!(queue_url("HOPGUARD_QUARANTINE", bad).is_err(), "{bad}");
        }
    }
}

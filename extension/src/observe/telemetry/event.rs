use std::borrow::Cow;
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One event that means something here.
#[derive(Debug, PartialEq)]
pub(super) enum Event<'e> {
    /// The function's initialisation has ended, in seconds.
    Init { seconds: f64 },
    /// The runtime is done with an invocation.
    RuntimeDone {
        id: Cow<'e, str>,
        status: Status,
        error: Option<Cow<'e, str>>,
        seconds: Option<f64>,
        at: SystemTime,
    },
    /// What an invocation cost.
    Report {
        id: Cow<'e, str>,
        status: Status,
        seconds: Option<f64>,
        billed: Option<f64>,
        bytes: Option<f64>,
        init: Option<f64>,
        at: SystemTime,
    },
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Success,
    /// The handler failed.
    Error,
    /// The runtime ended, or did something that it may not.
    Failure,
    Timeout,
}

#[derive(Deserialize)]
struct Envelope<'e> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'e, str>,
    #[serde(borrow, default)]
    time: Cow<'e, str>,
    #[serde(borrow, default)]
    record: Option<&'e RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'e> {
    #[serde(borrow, default)]
    request_id: Cow<'e, str>,
    #[serde(borrow, default)]
    status: Cow<'e, str>,
    #[serde(borrow, default)]
    error_type: Option<Cow<'e, str>>,
    #[serde(default)]
    metrics: Metrics,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metrics {
    duration_ms: Option<f64>,
    billed_duration_ms: Option<f64>,
    #[serde(rename = "maxMemoryUsedMB")]
    max_memory_used_mb: Option<f64>,
    init_duration_ms: Option<f64>,
}

/// The events of a batch that mean something here, and how many could not be read. What is not known is no mistake.
pub(super) fn read(batch: &[u8]) -> (Vec<Event<'_>>, u64) {
    let Ok(batch) = serde_json::from_slice::<Vec<&RawValue>>(batch) else { return (Vec::new(), 1) };
    let (mut events, mut rejected) = (Vec::new(), 0);
    for event in batch {
        match one(event) {
            Ok(event) => events.extend(event),
            Err(_) => rejected += 1,
        }
    }
    (events, rejected)
}

fn one(event: &RawValue) -> serde_json::Result<Option<Event<'_>>> {
    let Envelope { kind, time, record } = serde_json::from_str(event.get())?;
    if !matches!(&*kind, "platform.initReport" | "platform.runtimeDone" | "platform.report") {
        return Ok(None);
    }
    let Some(record) = record else { return Ok(None) };
    let Record { request_id: id, status, error_type: error, metrics } = serde_json::from_str(record.get())?;
    let at = DateTime::from_str(&time, Format::DateTime).ok().and_then(|at| SystemTime::try_from(at).ok());
    let (status, at) = (Status::named(&status), at.unwrap_or_else(SystemTime::now));
    let seconds = metrics.duration_ms.map(seconds);
    Ok(match &*kind {
        "platform.initReport" => seconds.map(|seconds| Event::Init { seconds }),
        "platform.runtimeDone" => Some(Event::RuntimeDone { id, status, error, seconds, at }),
        _ => Some(Event::Report {
            id,
            status,
            seconds,
            billed: metrics.billed_duration_ms.map(self::seconds),
            bytes: metrics.max_memory_used_mb.map(|mb| mb * 1024.0 * 1024.0),
            init: metrics.init_duration_ms.map(self::seconds),
            at,
        }),
    })
}

fn seconds(ms: f64) -> f64 {
    ms / 1_000.0
}

impl Status {
    fn named(name: &str) -> Self {
        match name {
            "error" => Self::Error,
            "failure" => Self::Failure,
            "timeout" => Self::Timeout,
            // One that is not known yet is not to alarm anybody.
            _ => Self::Success,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// From AWS's description of the Telemetry API's events, 2022-12-13.
    const BATCH: &str = r#"[
        {"time":"2022-10-12T00:00:15.064Z","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"nodejs-14.v3"}},
        {"time":"2022-10-12T00:01:15.000Z","type":"platform.initReport","record":{"initializationType":"on-demand","status":"success","phase":"init","metrics":{"durationMs":125.33},"spans":[{"name":"someTimeSpan","start":"2022-06-02T12:02:33.913Z","durationMs":90.1}]}},
        {"time":"2022-10-12T00:01:15.000Z","type":"platform.runtimeDone","record":{"requestId":"6d68ca91","status":"timeout","errorType":"Sandbox.Timedout","metrics":{"durationMs":140.0,"producedBytes":16},"spans":[]}},
        {"time":"2022-10-12T00:01:15.500Z","type":"platform.report","record":{"requestId":"6d68ca91","metrics":{"durationMs":220.0,"billedDurationMs":300,"memorySizeMB":128,"maxMemoryUsedMB":90,"initDurationMs":200.5},"status":"success","tracing":{"type":"X-Amzn-Trace-Id"}}},
        {"time":"2022-10-12T00:01:15.000Z","type":"platform.somethingNew","record":"text"},
        {"time":"2022-10-12T00:03:50.000Z","type":"function","record":"[INFO] Hello world, I am a function!"},
        {"time":"2022-10-12T00:03:50.000Z","type":"platform.runtimeDone","record":"text"},
        {"type":7}, 8, {}
    ]"#;

    #[test]
    fn what_means_something_is_read_and_the_rest_takes_nothing_along() {
        let (events, rejected) = read(BATCH.as_bytes());
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_665_532_875_000);
        assert_eq!(
            events,
            [
                Event::Init { seconds: 0.12533 },
                Event::RuntimeDone {
                    id: "6d68ca91".into(),
                    status: Status::Timeout,
                    error: Some("Sandbox.Timedout".into()),
                    seconds: Some(0.14),
                    at
                },
                Event::Report {
                    id: "6d68ca91".into(),
                    status: Status::Success,
                    seconds: Some(0.22),
                    billed: Some(0.3),
                    bytes: Some(94_371_840.0),
                    init: Some(0.2005),
                    at: at + Duration::from_millis(500),
                },
            ]
        );
        assert_eq!(rejected, 4);
    }

    #[test]
    fn what_is_no_batch_is_counted_once() {
        for batch in ["", "[", "{}", "nonsense", "[{}", "\u{0}"] {
            assert_eq!(read(batch.as_bytes()), (Vec::new(), 1), "{batch}");
        }
        assert_eq!(read(b"[]"), (Vec::new(), 0));
    }
}

use std::sync::{Arc, Mutex};

use hopguard_core::breaker::{Block, Trip};
use hopguard_core::{ChainId, Reason};

use super::*;
use crate::testing::{ARN, Answer, Call, Fake, denied, ok, silent, throttled};

mod cooldown;

/// A function with tags and a reserved concurrency, as Lambda keeps them. `fault` may answer first.
struct Lambda {
    fake: Fake,
    reserved: Arc<Mutex<Option<u32>>>,
}

impl Lambda {
    fn new(
        reserved: Option<u32>,
        mut fault: impl FnMut(&Call, usize) -> Option<Answer> + Send + 'static,
    ) -> Self {
        let reserved = Arc::new(Mutex::new(reserved));
        let state = Arc::clone(&reserved);
        let mut count = 0;
        let fake = Fake::new(move |call| {
            count += 1;
            if let Some(answer) = fault(call, count) {
                return answer;
            }
            let mut reserved = state.lock().unwrap();
            match call.name().as_str() {
                "GET concurrency" => match *reserved {
                    Some(reserved) => ok(&format!(r#"{{"ReservedConcurrentExecutions":{reserved}}}"#)),
                    None => ok("{}"),
                },
                "PUT concurrency" => {
                    assert_eq!(call.json(), serde_json::json!({ "ReservedConcurrentExecutions": 0 }));
                    *reserved = Some(0);
                    ok(r#"{"ReservedConcurrentExecutions":0}"#)
                }
                "POST tags" => Answer { status: 204, ..ok("") },
                "GET tags" => ok(r#"{"Tags":{"team":"a"}}"#),
                other => panic!("{other}"),
            }
        });
        Self { fake, reserved }
    }

    fn healthy(reserved: Option<u32>) -> Self {
        Self::new(reserved, |_, _| None)
    }

    fn failing(name: &'static str, answer: Answer) -> Self {
        Self::new(Some(7), move |call, _| (call.name() == name).then(|| answer.clone()))
    }

    async fn trip(&self) -> TripReport {
        self.trip_within(Duration::from_secs(10)).await
    }

    async fn trip_within(&self, time: Duration) -> TripReport {
        trip(&self.fake.clients, false, time).await
    }

    fn reserved(&self) -> Option<u32> {
        *self.reserved.lock().unwrap()
    }

    /// The tags of the last TagResource.
    fn tags(&self) -> serde_json::Value {
        let calls = self.fake.calls();
        let call = calls.iter().rfind(|call| call.name() == "POST tags").unwrap();
        assert!(call.path.ends_with("function%3Aorders"), "unqualified: {}", call.path);
        call.json()["Tags"].clone()
    }
}

async fn trip(clients: &Clients, asynchronous: bool, time: Duration) -> TripReport {
    let block =
        Block { chain: ChainId::new(0xabc).unwrap(), hop: 5, reason: Reason::Visits { visits: 6, limit: 5 } };
    let driver = ReservedConcurrency::new(clients.clone());
    driver
        .trip(&format!("{ARN}:live"), &Cause::from(&Trip { block }), asynchronous, Instant::now() + time)
        .await
}

#[tokio::test(start_paused = true)]
async fn the_prior_value_is_tagged_before_0_is_set_and_confirmed() {
    for (reserved, value) in [(Some(7), "7"), (None, "unreserved")] {
        let lambda = Lambda::healthy(reserved);
        let report = lambda.trip().await;
        assert_eq!(report.outcome, Outcome::Tripped { prior: reserved });
        assert_eq!((report.missing, report.detail, report.warnings), (None, None, vec![]));
        assert_eq!(
            lambda.fake.names(),
            ["GET concurrency", "POST tags", "PUT concurrency", "GET concurrency"]
        );
        assert_eq!(lambda.reserved(), Some(0));
        let tags = lambda.tags();
        assert_eq!(tags["hopguard:prior-concurrency"], value);
        assert_eq!(tags["hopguard:chain"], format!("{:032x}", 0xabc));
        assert_eq!(tags["hopguard:reason"], "visits: visit 6 of 5 allowed on one path");
        let calls = lambda.fake.calls();
        assert!(calls.iter().all(|call| !call.path.contains("live")), "the whole function: {calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_while_a_probe_runs_keeps_the_value_before_the_first_trip() {
    let probed = r#"{"Tags":{"hopguard:prior-concurrency":"unreserved"}}"#;
    let cases = [
        ("a probe runs at 1", ok(probed), None),
        ("1 is what its owner reserved", ok(r#"{"Tags":{"team":"a"}}"#), Some("1")),
        ("the tags are not readable", denied("lambda:ListTags"), None),
    ];
    for (name, tags, expected) in cases {
        let lambda = Lambda::new(Some(1), move |call, _| (call.name() == "GET tags").then(|| tags.clone()));
        assert_eq!(lambda.trip().await.outcome, Outcome::Tripped { prior: Some(1) }, "{name}");
        assert_eq!(lambda.reserved(), Some(0), "{name}");
        let written = lambda.tags();
        let prior = written.get("hopguard:prior-concurrency").and_then(|value| value.as_str());
        assert_eq!(prior, expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_at_0_is_left_as_it_is() {
    let lambda = Lambda::healthy(Some(0));
    assert_eq!(lambda.trip().await.outcome, Outcome::AlreadyTripped);
    assert_eq!(lambda.fake.names(), ["GET concurrency"]);
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let lambda = Lambda::new(Some(7), |_, count| (count <= 4).then(throttled));
    assert_eq!(lambda.trip().await.outcome, Outcome::Tripped { prior: Some(7) });
}

#[tokio::test(start_paused = true)]
async fn after_a_throttled_write_the_value_is_read_again() {
    let reserved = Arc::new(Mutex::new(7));
    let state = Arc::clone(&reserved);
    // The write is throttled, and another environment trips in the meantime.
    let lambda = Lambda::new(None, move |call, _| {
        let mut reserved = state.lock().unwrap();
        match call.name().as_str() {
            "GET concurrency" => Some(ok(&format!(r#"{{"ReservedConcurrentExecutions":{reserved}}}"#))),
            "PUT concurrency" => {
                *reserved = 0;
                Some(throttled())
            }
            _ => None,
        }
    });
    assert_eq!(lambda.trip().await.outcome, Outcome::AlreadyTripped);
    assert_eq!(lambda.tags()["hopguard:prior-concurrency"], "7", "never 0 over a real value");
    assert_eq!(lambda.fake.names().iter().filter(|name| *name == "POST tags").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn throttling_to_the_end_stops_before_the_deadline() {
    for name in ["GET concurrency", "PUT concurrency"] {
        let lambda = Lambda::failing(name, throttled());
        let start = Instant::now();
        let report = lambda.trip_within(Duration::from_secs(8)).await;
        assert_eq!((report.outcome, report.missing), (Outcome::Throttled, None), "{name}");
        assert!(report.detail.unwrap().contains("TooManyRequestsException (429)"));
        assert!(
            start.elapsed() < Duration::from_secs(8) && start.elapsed() > Duration::from_secs(4),
            "{name}"
        );
        assert_eq!(lambda.reserved(), Some(7));
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_at_all_ends_at_the_deadline() {
    let start = Instant::now();
    let report = trip(&silent(), true, Duration::from_secs(3)).await;
    assert_eq!((report.outcome, start.elapsed()), (Outcome::Failed, Duration::from_secs(3)));
    let report = trip(&silent(), true, Duration::ZERO).await;
    assert_eq!(report.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_to_write_is_named() {
    let lambda = Lambda::failing("PUT concurrency", denied("lambda:PutFunctionConcurrency"));
    let report = lambda.trip().await;
    assert_eq!((report.outcome, report.missing), (Outcome::Denied, Some("lambda:PutFunctionConcurrency")));
    assert!(report.detail.unwrap().contains("is not authorized to perform"));
    assert_eq!(lambda.reserved(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn without_the_permission_to_read_it_trips_all_the_same() {
    let listed = |tags: &'static str| {
        Lambda::new(Some(7), move |call, _| match call.name().as_str() {
            "GET concurrency" => Some(denied("lambda:GetFunctionConcurrency")),
            "GET tags" => Some(ok(tags)),
            _ => None,
        })
    };
    let lambda = listed("{}");
    let report = lambda.trip().await;
    assert_eq!((report.outcome, report.prior), (Outcome::Tripped { prior: None }, Prior::Unknown));
    assert!(
        report.warnings[0].to_string().contains("lambda:GetFunctionConcurrency is missing"),
        "{:?}",
        report.warnings
    );
    assert_eq!(
        (lambda.reserved(), &lambda.tags()["hopguard:prior-concurrency"]),
        (Some(0), &"unknown".into())
    );

    let lambda = listed(r#"{"Tags":{"hopguard:prior-concurrency":"7"}}"#);
    assert!(matches!(lambda.trip().await.outcome, Outcome::Tripped { .. }));
    assert!(lambda.tags().get("hopguard:prior-concurrency").is_none(), "the value that is there stays");
    assert!(lambda.tags().get("hopguard:tripped-at").is_some());

    let lambda = Lambda::new(Some(7), |call, _| call.method.eq("GET").then(|| denied("lambda:X")));
    assert!(matches!(lambda.trip().await.outcome, Outcome::Tripped { .. }));
    assert!(lambda.tags().get("hopguard:prior-concurrency").is_none(), "one may be there");
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_fails_does_not_stop_the_trip() {
    let cases = [
        (denied("lambda:TagResource"), Some("lambda:TagResource"), 1),
        (Answer::error(400, "InvalidParameterValueException", "too many tags"), None, 1),
        (throttled(), None, 3),
        (Answer::error(500, "ServiceException", ""), None, 3),
    ];
    for (answer, permission, attempts) in cases {
        let lambda = Lambda::failing("POST tags", answer);
        let report = lambda.trip().await;
        assert_eq!(report.outcome, Outcome::Tripped { prior: Some(7) });
        match &report.warnings[..] {
            [TripWarning::Untagged { prior: Prior::Reserved(7), missing, .. }] => {
                assert_eq!(*missing, permission);
            }
            other => panic!("{other:?}"),
        }
        assert!(
            report.warnings[0].to_string().contains("before the trip, 7, is not"),
            "{}",
            report.warnings[0]
        );
        assert_eq!(lambda.fake.names().iter().filter(|name| *name == "POST tags").count(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_does_not_stay_0_is_a_failure() {
    let lambda = Lambda::failing("PUT concurrency", ok(r#"{"ReservedConcurrentExecutions":0}"#));
    let report = lambda.trip().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.detail.unwrap().contains("is 7 after it was set to 0"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_back_is_believed_with_a_warning() {
    let lambda =
        Lambda::new(Some(7), |call, count| (call.name() == "GET concurrency" && count > 1).then(throttled));
    let report = lambda.trip().await;
    assert_eq!(report.outcome, Outcome::Tripped { prior: Some(7) });
    assert!(matches!(&report.warnings[..], [TripWarning::Unconfirmed { .. }]));
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_found_by_the_next_read() {
    let reserved = Arc::new(Mutex::new(7));
    let state = Arc::clone(&reserved);
    let lambda = Lambda::new(None, move |call, _| {
        let mut reserved = state.lock().unwrap();
        match call.name().as_str() {
            "GET concurrency" => Some(ok(&format!(r#"{{"ReservedConcurrentExecutions":{reserved}}}"#))),
            "PUT concurrency" => {
                *reserved = 0;
                Some(Answer::error(500, "ServiceException", ""))
            }
            _ => None,
        }
    });
    assert_eq!(lambda.trip().await.outcome, Outcome::Tripped { prior: Some(7) });
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_gone_is_no_reason_to_wait() {
    let lambda = Lambda::failing("GET concurrency", Answer::error(404, "ResourceNotFoundException", "gone"));
    let report = lambda.trip().await;
    assert_eq!((report.outcome, lambda.fake.calls().len()), (Outcome::Failed, 1));
}

#[tokio::test(start_paused = true)]
async fn asynchronous_events_are_asked_about_only_where_the_record_was_one() {
    let lambda = || {
        Lambda::new(Some(7), |call, _| {
            let path = call.path.as_str();
            if path.contains("event-invoke-config") {
                return Some(Answer::error(404, "ResourceNotFoundException", ""));
            }
            path.contains("/configuration").then(|| ok("{}"))
        })
    };
    let at_risk = lambda();
    let report = trip(&at_risk.fake.clients, true, Duration::from_secs(10)).await;
    assert_eq!(report.warnings, [TripWarning::AsyncEventsAtRisk]);
    assert!(at_risk.fake.calls().iter().any(|call| call.path.ends_with("configuration?Qualifier=live")));
    let synchronous = lambda();
    assert_eq!(synchronous.trip().await.warnings, []);
    assert_eq!(synchronous.fake.calls().len(), 4);
}

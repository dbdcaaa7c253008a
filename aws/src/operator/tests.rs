use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::tags::{self, Prior};
use crate::testing::{ARN, Answer, Call, Fake, denied, ok, throttled};

const TRIPPED_AT: &str = "2026-11-24T03:00:00Z";

fn operator(answer: impl FnMut(&Call) -> Answer + Send + 'static) -> (Fake, Operator) {
    let fake = Fake::new(answer);
    let operator = Operator::new(fake.clients.clone());
    (fake, operator)
}

/// A tripped function. `trips` says whether it trips again after so many reads of its concurrency.
fn tripped(trips: fn(usize) -> bool) -> (Fake, Operator) {
    let reserved = Arc::new(Mutex::new(Some(0)));
    let mut reads = 0;
    operator(move |call| {
        let mut reserved = reserved.lock().unwrap();
        match call.name().as_str() {
            "GET concurrency" => {
                reads += 1;
                if trips(reads) {
                    *reserved = Some(0);
                }
                ok(&reserved.map_or_else(|| "{}".to_owned(), |n| json!({ "ReservedConcurrentExecutions": n }).to_string()))
            }
            "PUT concurrency" => {
                *reserved = call.json()["ReservedConcurrentExecutions"].as_u64();
                ok("{}")
            }
            "DELETE concurrency" => {
                *reserved = None;
                Answer { status: 204, ..ok("") }
            }
            "GET tags" => ok(&json!({ "Tags": {
                tags::PRIOR: "7", tags::TRIPPED_AT: TRIPPED_AT, tags::CHAIN: format!("{:032x}", 0xabc), tags::REASON: "hops",
            }}).to_string()),
            "POST tags" | "DELETE tags" => Answer { status: 204, ..ok("") },
            other => panic!("{other}"),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_resumed_function_loses_its_tags_last() {
    for (restored, write) in [(Some(7), "PUT concurrency"), (None, "DELETE concurrency")] {
        let (fake, operator) = tripped(|_| false);
        assert_eq!(operator.resume(ARN, restored).await, Ok(true));
        assert_eq!(fake.names(), [write, "GET concurrency", "GET tags", "DELETE tags", "GET concurrency"]);
        let untagged = fake.calls().into_iter().find(|call| call.name() == "DELETE tags").unwrap();
        assert!(
            tags::ALL.iter().all(|tag| untagged.path.contains(&tag.replace(':', "%3A"))),
            "{}",
            untagged.path
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_trips_again_at_once_keeps_its_tags() {
    let (fake, operator) = tripped(|reads| reads == 1);
    assert_eq!(operator.resume(ARN, Some(7)).await, Ok(false));
    assert!(!fake.names().contains(&"DELETE tags".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_trip_while_the_tags_are_removed_gets_them_back() {
    let (fake, operator) = tripped(|reads| reads == 2);
    assert_eq!(operator.resume(ARN, Some(7)).await, Ok(false));
    let written = fake.calls().into_iter().rfind(|call| call.name() == "POST tags").unwrap().json();
    assert_eq!(written["Tags"][tags::PRIOR], Prior::Reserved(7).to_string());
    assert_eq!(written["Tags"][tags::TRIPPED_AT], TRIPPED_AT);
}

#[tokio::test(start_paused = true)]
async fn a_cooldown_is_cancelled_with_the_tag_that_tells_of_it() {
    for (status, there) in [(200, Ok(true)), (404, Ok(false))] {
        let (fake, operator) = operator(move |call| match call.method.as_str() {
            "DELETE" if call.path.starts_with("/schedules/hopguard-orders") => match status {
                200 => ok("{}"),
                _ => Answer::error(status, "ResourceNotFoundException", "Schedule does not exist."),
            },
            "DELETE" if call.path.contains("/tags/") => Answer { status: 204, ..ok("") },
            other => panic!("{other}"),
        });
        assert_eq!(operator.cancel_cooldown(ARN).await, there);
        let untagged = fake.calls().pop().unwrap().path;
        assert!(untagged.ends_with("tagKeys=hopguard%3Aresumes-at"), "{untagged}");
    }
    let (fake, operator) = operator(|_| denied("scheduler:DeleteSchedule"));
    assert_eq!(operator.cancel_cooldown(ARN).await.unwrap_err().missing(), Some("scheduler:DeleteSchedule"));
    assert_eq!(fake.calls().len(), 1, "the tag stays: it is true");
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_and_what_cannot_pass_is_told() {
    let mut count = 0;
    let (fake, operator) = operator(move |_| {
        count += 1;
        if count < 4 { throttled() } else { ok(r#"{"ReservedConcurrentExecutions":3}"#) }
    });
    assert_eq!(operator.reserved(ARN).await, Ok(Some(3)));
    assert_eq!(fake.calls().len(), 4);

    type Case = (Answer, fn(&OperatorError) -> bool, &'static str);
    let cases: [Case; 4] = [
        (
            denied("lambda:GetFunctionConcurrency"),
            |e| e.missing() == Some("lambda:GetFunctionConcurrency"),
            "allow lambda:GetFunctionConcurrency to yourself",
        ),
        (
            Answer::error(404, "ResourceNotFoundException", "gone"),
            OperatorError::is_not_found,
            "check its name, --region",
        ),
        (
            Answer::error(400, "InvalidParameterValueException", "bad"),
            |e| matches!(e, OperatorError::Other { .. }),
            "InvalidParameterValueException",
        ),
        (throttled(), |e| matches!(e, OperatorError::Other { .. }), "TooManyRequestsException"),
    ];
    for (answer, is, words) in cases {
        let (_, operator) = self::operator(move |_| answer.clone());
        let error = operator.reserved(ARN).await.unwrap_err();
        assert!(is(&error) && error.to_string().contains(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_names_the_configuration_it_is_of_and_waits_for_its_end() {
    let mut asked = 0;
    let (fake, operator) = operator(move |call| match call.method.as_str() {
        "PUT" => ok("{}"),
        _ => {
            asked += 1;
            let status = if asked < 3 { "InProgress" } else { "Successful" };
            ok(&json!({ "FunctionName": "orders", "FunctionArn": ARN, "LastUpdateStatus": status, "RevisionId": "r1" }).to_string())
        }
    });
    let function = operator.function("orders").await.unwrap();
    assert_eq!(
        (function.arn.as_str(), function.revision.as_deref(), function.changing),
        (ARN, Some("r1"), true)
    );
    let change = Change::new(vec!["layer".to_owned()], BTreeMap::from([("A".to_owned(), "1".to_owned())]));
    operator.update(&function, &change).await.unwrap();
    let put = fake.calls().into_iter().find(|call| call.method == "PUT").unwrap().json();
    assert_eq!(
        put,
        json!({ "Environment": { "Variables": { "A": "1" } }, "Layers": ["layer"], "RevisionId": "r1" })
    );

    let (_, operator) = self::operator(|_| {
        ok(&json!({ "FunctionArn": ARN, "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such layer" }).to_string())
    });
    let error = operator.update(&function, &change).await.unwrap_err();
    assert!(error.to_string().contains("no such layer"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_was_lost_has_been_made() {
    let environment = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
    let change = Change::new(vec!["layer".to_owned()], environment);
    // The first request is carried out, and nobody hears of it; the next one is refused for the revision that it names. Somebody
    // else's change is refused in the same way.
    for (layer, made) in [("layer", true), ("another", false)] {
        let mut puts = 0;
        let (_, operator) = operator(move |call| {
            match (call.method.as_str(), puts) {
            ("PUT", 0) => {
                puts += 1;
                Answer::error(503, "ServiceUnavailableException", "")
            }
            ("PUT", _) => Answer::error(412, "PreconditionFailedException", "the revision is another one"),
            _ => ok(&json!({
                "FunctionName": "orders", "FunctionArn": ARN, "LastUpdateStatus": "Successful",
                "RevisionId": format!("r{puts}"), "Layers": [{ "Arn": layer }], "Environment": { "Variables": { "A": "1" } },
            })
            .to_string()),
        }
        });
        let function = operator.function("orders").await.unwrap();
        let updated = operator.update(&function, &change).await;
        assert_eq!(updated.is_ok(), made, "{updated:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_mappings_of_aliases_belong_to_the_function() {
    let mapping = |uuid: &str, of: &str| json!({ "UUID": uuid, "FunctionArn": of, "EventSourceArn": "arn:aws:sqs:us-east-1:1:q", "State": "Enabled" });
    let (_, operator) = operator(move |call| match call.path.as_str() {
        path if path.contains("/aliases") => {
            ok(&json!({ "Aliases": [{ "AliasArn": format!("{ARN}:live") }] }).to_string())
        }
        path if path.contains("Marker=more") => {
            ok(&json!({ "EventSourceMappings": [mapping("2", ARN)] }).to_string())
        }
        path if path.contains("live") => {
            ok(&json!({ "EventSourceMappings": [mapping("3", &format!("{ARN}:live"))] }).to_string())
        }
        _ => ok(&json!({ "EventSourceMappings": [mapping("1", ARN)], "NextMarker": "more" }).to_string()),
    });
    let mappings = operator.mappings(ARN).await.unwrap();
    let found: Vec<_> = mappings.iter().map(|one| (one.uuid.as_str(), one.qualifier.as_deref())).collect();
    assert_eq!(found, [("1", None), ("2", None), ("3", Some("live"))]);
    assert!(
        mappings.iter().all(|one| one.is_enabled() && one.service() == "sqs" && one.can_report_failures())
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_not_there_is_told_so() {
    let (_, operator) =
        operator(|_| Answer::error(400, "AWS.SimpleQueueService.NonExistentQueue", "no queue"));
    assert!(operator.queue_url("quarantine", None).await.unwrap_err().is_not_found());
}

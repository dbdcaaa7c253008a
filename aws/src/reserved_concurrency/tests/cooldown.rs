use std::time::SystemTime;

use serde_json::Value;

use super::*;
use crate::tags::to_rfc3339;

const ROLE: &str = "arn:aws:iam::123456789012:role/cooldown";
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

/// A function at 7, whose schedules are answered so, one after the other and the last for all that come then.
fn lambda(answers: Vec<Answer>) -> Lambda {
    let mut answers = answers.into_iter();
    let mut last = ok("{}");
    Lambda::new(Some(7), move |call, _| {
        call.path.starts_with("/schedules/").then(|| {
            last = answers.next().unwrap_or_else(|| last.clone());
            last.clone()
        })
    })
}

async fn trip(lambda: &Lambda) -> TripReport {
    let block =
        Block { chain: ChainId::new(0xabc).unwrap(), hop: 5, reason: Reason::Visits { visits: 6, limit: 5 } };
    let cooldown = Cooldown { time: HALF_AN_HOUR, role: ROLE.to_owned() };
    ReservedConcurrency::new(lambda.fake.clients.clone())
        .cooldown(Some(cooldown))
        .trip(&format!("{ARN}:live"), &Cause::from(&Trip { block }), false, Instant::now() + HALF_AN_HOUR)
        .await
}

fn schedules(lambda: &Lambda) -> Vec<Call> {
    lambda.fake.calls().into_iter().filter(|call| call.path.starts_with("/schedules/")).collect()
}

/// What Lambda is to be asked for, and with what.
fn target(call: &Call) -> (String, Value) {
    let target = call.json()["Target"].clone();
    assert_eq!(target["RoleArn"], ROLE);
    let action = target["Arn"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    (action, serde_json::from_str(target["Input"].as_str().unwrap()).unwrap())
}

fn conflict() -> Answer {
    Answer::error(409, "ConflictException", "Schedule already exists")
}

fn not_scheduled(report: &TripReport) -> (Option<&'static str>, String) {
    assert_eq!((report.outcome, report.resumes_at), (Outcome::Tripped { prior: Some(7) }, None));
    match &report.warnings[..] {
        [TripWarning::NotScheduled { missing, detail }] => (*missing, detail.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_is_scheduled_to_end_when_it_is_made_and_confirmed() {
    let lambda = lambda(vec![]);
    let before = SystemTime::now();
    let report = trip(&lambda).await;
    let at = report.resumes_at.unwrap();
    assert!((before + HALF_AN_HOUR..=SystemTime::now() + HALF_AN_HOUR).contains(&at));
    assert_eq!((report.outcome, report.warnings), (Outcome::Tripped { prior: Some(7) }, vec![]));
    let names = lambda.fake.names();
    assert_eq!(
        names,
        [
            "GET concurrency",
            "POST tags",
            "PUT concurrency",
            "GET concurrency",
            "POST hopguard-orders",
            "POST tags"
        ]
    );
    let made = &schedules(&lambda)[0];
    let expected = serde_json::json!({ "FunctionName": ARN, "ReservedConcurrentExecutions": 7 });
    assert_eq!(target(made), ("putFunctionConcurrency".to_owned(), expected));
    assert_eq!(lambda.tags(), serde_json::json!({ "hopguard:resumes-at": to_rfc3339(at) }));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_of_an_earlier_trip_is_replaced() {
    let gone = || Answer::error(404, "ResourceNotFoundException", "gone");
    let cases = [
        (vec![conflict(), ok("{}")], vec!["POST", "PUT"]),
        (vec![conflict(), gone(), ok("{}")], vec!["POST", "PUT", "POST"]),
    ];
    for (answers, methods) in cases {
        let lambda = lambda(answers);
        assert!(trip(&lambda).await.resumes_at.is_some());
        let made = schedules(&lambda);
        assert_eq!(made.iter().map(|call| call.method.as_str()).collect::<Vec<_>>(), methods);
        assert!(made.windows(2).all(|two| two[0].body == two[1].body));
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_cannot_be_made_leaves_the_trip_and_says_why() {
    let denied_for = |action: &str| denied(action);
    let cases = [
        ("throttled twice", vec![throttled(), throttled(), ok("{}")], None, 3),
        ("throttled for ever", vec![throttled()], Some((None, "TooManyRequestsException")), 4),
        ("in conflict for ever", vec![conflict()], Some((None, "ConflictException")), 4),
        (
            "not allowed",
            vec![denied_for("scheduler:CreateSchedule")],
            Some((Some("scheduler:CreateSchedule"), "not authorized")),
            1,
        ),
        (
            "not allowed to replace one",
            vec![conflict(), denied_for("scheduler:UpdateSchedule")],
            Some((Some("scheduler:UpdateSchedule"), "not authorized")),
            2,
        ),
        (
            "not allowed to pass the role on",
            vec![denied_for("iam:PassRole on resource: cooldown")],
            Some((Some("iam:PassRole"), "not authorized")),
            1,
        ),
        (
            "a role that nobody may assume",
            vec![Answer::error(400, "ValidationException", "The execution role you provide must allow")],
            Some((None, "The execution role")),
            1,
        ),
    ];
    for (name, answers, expected, calls) in cases {
        let lambda = lambda(answers);
        let report = trip(&lambda).await;
        match expected {
            None => assert!(report.resumes_at.is_some() && report.warnings.is_empty(), "{name}: {report:?}"),
            Some((action, words)) => {
                let (missing, detail) = not_scheduled(&report);
                assert!(missing == action && detail.contains(words), "{name}: {missing:?} {detail}");
                assert!(report.warnings[0].to_string().contains("somebody has to resume"), "{name}");
            }
        }
        assert_eq!((schedules(&lambda).len(), lambda.reserved()), (calls, Some(0)), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_restored_is_what_was_there_before_the_first_trip() {
    // At 1, a probe may be running.
    let cases = [
        (ok(r#"{"Tags":{"hopguard:prior-concurrency":"unreserved"}}"#), Some("deleteFunctionConcurrency")),
        (ok(r#"{"Tags":{"hopguard:prior-concurrency":"7"}}"#), Some("putFunctionConcurrency")),
        (ok(r#"{"Tags":{"hopguard:prior-concurrency":"unknown"}}"#), None),
        (ok(r#"{"Tags":{"hopguard:prior-concurrency":"many"}}"#), None),
        (ok(r#"{"Tags":{}}"#), Some("putFunctionConcurrency")),
        (denied("lambda:ListTags"), None),
    ];
    for (tags, expected) in cases {
        let answer = tags.body.clone();
        let lambda = Lambda::new(Some(1), move |call, _| {
            if call.path.starts_with("/schedules/") {
                return Some(ok("{}"));
            }
            (call.name() == "GET tags").then(|| tags.clone())
        });
        let report = trip(&lambda).await;
        let made = schedules(&lambda);
        let called = made.first().map(|call| target(call).0);
        assert_eq!(called.as_deref(), expected, "{answer}");
        if expected.is_none() {
            assert!(matches!(&report.warnings[..], [TripWarning::NotScheduled { missing: None, .. }]));
        }
    }
    // Nothing is reserved, which is restored by a call of its own.
    let lambda = Lambda::new(None, |call, _| call.path.starts_with("/schedules/").then(|| ok("{}")));
    assert!(trip(&lambda).await.resumes_at.is_some());
    assert_eq!(target(&schedules(&lambda)[0]).0, "deleteFunctionConcurrency");
}

#[tokio::test(start_paused = true)]
async fn a_function_at_0_gets_no_second_schedule() {
    let lambda = Lambda::healthy(Some(0));
    let report = trip(&lambda).await;
    assert_eq!((report.outcome, report.resumes_at), (Outcome::AlreadyTripped, None));
    assert_eq!(lambda.fake.names(), ["GET concurrency"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_is_not_tagged_is_told() {
    let lambda = Lambda::new(Some(7), |call, count| {
        if call.path.starts_with("/schedules/") {
            return Some(ok("{}"));
        }
        (call.name() == "POST tags" && count > 4).then(|| denied("lambda:TagResource"))
    });
    let report = trip(&lambda).await;
    assert!(report.resumes_at.is_some());
    assert!(
        matches!(
            &report.warnings[..],
            [TripWarning::CooldownUntagged { missing: Some("lambda:TagResource"), .. }]
        ),
        "{:?}",
        report.warnings
    );
}

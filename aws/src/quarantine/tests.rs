use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::testing::{Answer, Fake, denied, ok, silent};

const TOKEN: &str = "01-0af7651916cd43dd8448eb211c80319c-5-256-68fd508a:6";
const STANDARD: &str = "http://127.0.0.1:9/123456789012/quarantine";
const FIFO: &str = "http://127.0.0.1:9/123456789012/quarantine.fifo";

fn blocked(form: Form, json: &[u8]) -> Blocked<'_> {
    Blocked {
        form,
        source: "aws:sqs",
        json,
        id: Some("m-1"),
        group: None,
        chain: ChainId::new(0xabc).unwrap(),
        reason: Reason::Visits { visits: 6, limit: 5 },
        token: TOKEN,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn send(url: &str, record: &Blocked<'_>) -> (Result<(), QuarantineError>, Option<Value>) {
    let fake = Fake::new(|_| ok(r#"{"MessageId":"1"}"#));
    let result = Quarantine::new(fake.clients.clone(), url).keep(record, soon()).await;
    (result, fake.calls().first().map(super::super::testing::Call::json))
}

async fn sent(url: &str, record: &Blocked<'_>) -> Value {
    let (result, request) = send(url, record).await;
    assert_eq!(result, Ok(()));
    request.unwrap()
}

#[tokio::test(start_paused = true)]
async fn bodies_arrive_as_they_were() {
    let body = "{\"n\": 1.0,\n \"text\":\"\u{fc} \u{1f600} \\\"q\\\" \u{2028}\"}";
    let record = json!({ "messageId": "m-1", "body": body, "attributes": {} }).to_string();
    let escaped = r#"{"messageId":"m-1","body":"\u00fc \ud83d\ude00 \/ \t"}"#;
    let object = r#"{ "eventSource":"aws:s3", "n": 1.0, "key":"\u00fc" }"#;
    let payload = " {\"a\" :\t[1.0, 1e2], \"b\":\"\\u00e4\"}\n";
    let cases = [
        ("SQS", Form::Message, record.as_str(), body.to_owned()),
        ("SQS with escapes", Form::Message, escaped, "\u{fc} \u{1f600} / \t".to_owned()),
        ("a record", Form::Record, object, format!("{{\"Records\":[{object}]}}")),
        ("a payload", Form::Payload, payload, payload.to_owned()),
    ];
    for (name, form, json, expected) in cases {
        let request = sent(STANDARD, &blocked(form, json.as_bytes())).await;
        assert_eq!(request["MessageBody"], expected, "{name}");
        assert_eq!(request["QueueUrl"], STANDARD);
        assert_eq!(request["MessageAttributes"]["hopguard"]["StringValue"], TOKEN, "{name}");
        let reason = &request["MessageAttributes"]["hopguard-reason"]["StringValue"];
        assert_eq!(reason, "visits: visit 6 of 5 allowed on one path");
        assert_eq!(request["MessageAttributes"]["hopguard-source"]["StringValue"], "aws:sqs");
        assert!(request.get("MessageGroupId").is_none() && request.get("MessageDeduplicationId").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn attributes_keep_their_types() {
    let record = json!({ "body": "b", "messageAttributes": {
        "text": { "dataType": "String", "stringValue": "\u{fc}", "stringListValues": [], "binaryListValues": [] },
        "price": { "dataType": "Number", "stringValue": "12.5" },
        "blob": { "dataType": "Binary", "binaryValue": "AP8=" },
        "png": { "dataType": "Binary.png", "binaryValue": "iVBORw==", "stringValue": null },
        "iso": { "dataType": "String.date", "stringValue": "2026-01-01" },
        "hopguard": { "dataType": "String", "stringValue": "stale" },
    }});
    let request = sent(STANDARD, &blocked(Form::Message, record.to_string().as_bytes())).await;
    let attributes = &request["MessageAttributes"];
    let expected = [
        ("text", "String", "StringValue", "\u{fc}"),
        ("price", "Number", "StringValue", "12.5"),
        ("blob", "Binary", "BinaryValue", "AP8="),
        ("png", "Binary.png", "BinaryValue", "iVBORw=="),
        ("iso", "String.date", "StringValue", "2026-01-01"),
        ("hopguard", "String", "StringValue", TOKEN),
    ];
    for (name, kind, field, value) in expected {
        assert_eq!(
            (&attributes[name]["DataType"], &attributes[name][field]),
            (&kind.into(), &value.into()),
            "{name}"
        );
    }
    assert_eq!(attributes.as_object().unwrap().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn ours_take_only_the_room_that_is_left() {
    for (count, names) in [(8, &["hopguard", "hopguard-reason"][..]), (9, &["hopguard"]), (10, &[])] {
        let attributes: Value = (0..count)
            .map(|n| (format!("a{n}"), json!({ "dataType": "String", "stringValue": "v" })))
            .collect();
        let record = json!({ "body": "b", "messageAttributes": attributes }).to_string();
        let request = sent(STANDARD, &blocked(Form::Message, record.as_bytes())).await;
        let attributes = request["MessageAttributes"].as_object().unwrap();
        assert_eq!(attributes.len(), 10, "{count}");
        // Attributes are a map: their order on the wire is anybody's.
        let mut ours: Vec<_> = attributes.keys().filter(|name| name.starts_with("hopguard")).collect();
        ours.sort_unstable();
        assert_eq!(ours, names, "{count}");
    }
    // At 1 MiB there is no byte for an attribute, and one byte more is too large.
    let body = "x".repeat(message::MAX_BYTES);
    let record = json!({ "body": body }).to_string();
    assert!(
        sent(STANDARD, &blocked(Form::Message, record.as_bytes())).await.get("MessageAttributes").is_none()
    );
    let record = json!({ "body": body + "x" }).to_string();
    let (result, request) = send(STANDARD, &blocked(Form::Message, record.as_bytes())).await;
    assert_eq!((result, request), (Err(QuarantineError::TooLarge { bytes: 1_048_577 }), None));
}

#[tokio::test(start_paused = true)]
async fn a_fifo_queue_gets_a_group_and_the_same_id_every_time() {
    let json = br#"{"body":"b"}"#;
    let record = Blocked { group: Some("g0"), ..blocked(Form::Message, json) };
    let request = sent(FIFO, &record).await;
    assert_eq!(request["MessageGroupId"], "g0");
    assert_eq!(request["MessageDeduplicationId"], sent(FIFO, &record).await["MessageDeduplicationId"]);
    let other = Blocked { id: Some("m-2"), group: Some(""), ..record };
    let other = sent(FIFO, &other).await;
    assert_eq!(other["MessageGroupId"], format!("{:032x}", 0xabc));
    assert_ne!(request["MessageDeduplicationId"], other["MessageDeduplicationId"]);
    let unnamed = sent(FIFO, &Blocked { id: None, ..record }).await;
    assert_eq!(unnamed["MessageDeduplicationId"].as_str().map(str::len), Some(32));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_such_record_is_refused_without_a_word_of_it() {
    let cases: [(Form, &[u8]); 6] = [
        (Form::Message, b"{}"),
        (Form::Message, br#"{"body":"secret""#),
        (Form::Message, br#"{"body":{"secret":1}}"#),
        (
            Form::Message,
            br#"{"body":"b","messageAttributes":{"secret":{"dataType":"Binary","binaryValue":"?"}}}"#,
        ),
        (Form::Message, br#"{"body":"b","messageAttributes":{"secret":{"dataType":"String"}}}"#),
        (Form::Payload, b"secret \xff"),
    ];
    for (form, json) in cases {
        let (result, request) = send(STANDARD, &blocked(form, json)).await;
        let error = result.unwrap_err();
        assert!(
            matches!(error, QuarantineError::Malformed { .. }) && !error.to_string().contains("secret"),
            "{error}"
        );
        assert_eq!(request, None);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_apart() {
    let ask = async |answer: Answer| {
        let fake = Fake::new(move |_| answer.clone());
        let quarantine = Quarantine::new(fake.clients.clone(), STANDARD);
        quarantine.keep(&blocked(Form::Payload, b"{}"), soon()).await.unwrap_err()
    };
    let error = ask(denied("sqs:sendmessage")).await;
    assert!(matches!(error, QuarantineError::Denied { missing: "sqs:SendMessage", .. }), "{error}");
    let error = ask(Answer::error(400, "KmsAccessDenied", "not allowed")).await;
    assert!(matches!(error, QuarantineError::Denied { missing: "kms:GenerateDataKey", .. }), "{error}");
    let error = ask(Answer::error(400, "QueueDoesNotExist", "gone")).await;
    assert!(
        matches!(error, QuarantineError::NoQueue { .. }) && error.to_string().contains("HOPGUARD_QUARANTINE"),
        "{error}"
    );
    let message = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.";
    let error = ask(Answer::error(400, "InvalidParameterValue", message)).await;
    assert!(matches!(error, QuarantineError::TooLarge { .. }), "{error}");
    let error = Quarantine::new(silent(), STANDARD).keep(&blocked(Form::Payload, b"{}"), soon()).await;
    assert_eq!(error, Err(QuarantineError::OutOfTime));
}

/// Answers a batch: the entries with these ids fail, the one called `lost` is not mentioned.
fn batch_answer(request: &Value, failing: &[&str], lost: &str) -> Answer {
    let ids: Vec<_> =
        request["Entries"].as_array().unwrap().iter().map(|entry| entry["Id"].as_str().unwrap()).collect();
    let done: Vec<_> = ids
        .iter()
        .filter(|id| !failing.contains(id) && **id != lost)
        .map(|id| json!({ "Id": id, "MessageId": id, "MD5OfMessageBody": "x" }))
        .collect();
    let failed: Vec<_> = ids
        .iter()
        .filter(|id| failing.contains(id))
        .map(|id| json!({ "Id": id, "SenderFault": true, "Code": "AccessDenied", "Message": "no" }))
        .collect();
    ok(&json!({ "Successful": done, "Failed": failed }).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_ten_at_a_time_and_answers_for_each_record() {
    let fake = Fake::new(|call| batch_answer(&call.json(), &["3"], "11"));
    let quarantine = Quarantine::new(fake.clients.clone(), STANDARD);
    let bodies: Vec<_> =
        (0..13).map(|n| if n == 5 { "{}".into() } else { format!(r#"{{"body":"b{n}"}}"#) }).collect();
    let records: Vec<_> = bodies.iter().map(|json| blocked(Form::Message, json.as_bytes())).collect();
    let answers = quarantine.keep_all(&records, soon()).await;
    for (at, answer) in answers.iter().enumerate() {
        match at {
            3 => assert!(
                matches!(answer, Err(QuarantineError::Denied { missing: "sqs:SendMessage", .. })),
                "{answer:?}"
            ),
            5 => assert!(matches!(answer, Err(QuarantineError::Malformed { .. })), "{answer:?}"),
            11 => assert!(matches!(answer, Err(QuarantineError::Other { .. })), "{answer:?}"),
            _ => assert_eq!(answer, &Ok(()), "{at}"),
        }
    }
    let sizes: Vec<_> =
        fake.calls().iter().map(|call| call.json()["Entries"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [10, 2]);
    let first = &fake.calls()[0].json()["Entries"][0];
    assert_eq!(
        (&first["MessageBody"], &first["MessageAttributes"]["hopguard"]["StringValue"]),
        (&"b0".into(), &TOKEN.into())
    );
}

#[tokio::test(start_paused = true)]
async fn large_records_share_no_batch() {
    let fake = Fake::new(|call| match call.json().get("Entries") {
        Some(_) => batch_answer(&call.json(), &[], ""),
        None => ok(r#"{"MessageId":"1"}"#),
    });
    let quarantine = Quarantine::new(fake.clients.clone(), STANDARD);
    let bodies = [700_000, 300_000, 700_000, 1_100_000, 10].map(|size| format!("{:?}", "x".repeat(size)));
    let records: Vec<_> = bodies.iter().map(|json| blocked(Form::Payload, json.as_bytes())).collect();
    let answers = quarantine.keep_all(&records, soon()).await;
    assert!(matches!(answers[3], Err(QuarantineError::TooLarge { .. })));
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    assert_eq!(fake.calls().len(), 2, "two batches of two");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_refused_as_a_whole_goes_one_by_one() {
    let fake = Fake::new(|call| match call.json().get("Entries") {
        Some(_) => Answer::error(400, "BatchRequestTooLong", "too long"),
        None => ok(r#"{"MessageId":"1"}"#),
    });
    let quarantine = Quarantine::new(fake.clients.clone(), STANDARD);
    let records = [blocked(Form::Payload, b"1"), blocked(Form::Payload, b"2")];
    assert_eq!(quarantine.keep_all(&records, soon()).await, [Ok(()), Ok(())]);
    assert_eq!(fake.calls().len(), 3);

    let fake = Fake::new(|_| denied("sqs:SendMessage"));
    let answers = Quarantine::new(fake.clients.clone(), STANDARD).keep_all(&records, soon()).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(QuarantineError::Denied { .. }))));
    assert_eq!(fake.calls().len(), 1);
    assert_eq!(Quarantine::new(silent(), STANDARD).keep_all(&[], soon()).await, []);
}

use super::*;
use crate::event::count;
use crate::token::Rejected;

#[test]
fn lineage_is_found_in_every_carrier() {
    let own = r#"{"order":1}"#;
    let binary = json!({"hopguard": {"binaryValue": base64(TOKEN), "dataType": "Binary"}});
    let sns_binary = json!({"hopguard": {"Type": "Binary", "Value": base64(TOKEN)}});
    let wrapped =
        |attributes| sqs([sqs_message(1, &notification(own, Some(attributes)).to_string(), json!({}))]);
    let pretty = serde_json::to_string_pretty(&notification(own, Some(w3c(sns_text, TOKEN)))).unwrap();
    let field = json!({"traceparent": PARENT, "tracestate": format!("hopguard={TOKEN},vendor=x")});
    let in_detail = event_bridge(json!({"order": 1, "hopguard": field}));
    let cases = [
        ("SQS", Source::Sqs, sqs([sqs_message(1, own, w3c(sqs_text, TOKEN))]), true),
        ("SQS, packed", Source::Sqs, sqs([sqs_message(1, own, json!({"hopguard": sqs_text(TOKEN)}))]), false),
        ("SQS, binary", Source::Sqs, sqs([sqs_message(1, own, binary)]), false),
        ("SNS", Source::Sns, sns(own, Some(w3c(sns_text, TOKEN))), true),
        ("SNS, binary", Source::Sns, sns(own, Some(sns_binary)), false),
        ("SNS to SQS", Source::Sqs, wrapped(w3c(sns_text, TOKEN)), true),
        ("SNS to SQS, packed", Source::Sqs, wrapped(json!({"hopguard": sns_text(TOKEN)})), false),
        ("SNS to SQS, indented", Source::Sqs, sqs([sqs_message(1, &pretty, json!({}))]), true),
        ("EventBridge", Source::EventBridge, in_detail.clone(), true),
        ("EventBridge, plain", Source::EventBridge, event_bridge(json!({"hopguard": TOKEN})), false),
        ("EventBridge to SQS", Source::Sqs, sqs([sqs_message(1, &in_detail.to_string(), json!({}))]), true),
        ("EventBridge to SNS", Source::Sns, sns(&in_detail.to_string(), None), true),
        (
            "EventBridge to SNS to SQS",
            Source::Sqs,
            sqs([sqs_message(1, &notification(&in_detail.to_string(), None).to_string(), json!({}))]),
            true,
        ),
        ("invocation", Source::Invoke, json!({"order": 1, "hopguard": field}), true),
        ("invocation, plain", Source::Invoke, json!({"order": 1, "hopguard": TOKEN}), false),
    ];
    for (name, source, event, w3c) in cases {
        let records = read(&event);
        let [record] = &records[..] else { panic!("{name}: {} records", records.len()) };
        assert_eq!(record.source, source, "{name}");
        assert_eq!(record.inbound.lineage.map(|lineage| lineage.hop), Some(3), "{name}");
        assert_eq!(record.inbound.rejected, None, "{name}");
        assert_eq!(
            record.inbound.parent.map(|parent| parent.to_string()),
            w3c.then(|| PARENT.to_owned()),
            "{name}"
        );
        assert_eq!(record.inbound.others.as_deref(), w3c.then_some("vendor=x"), "{name}");
    }
}

#[test]
fn objects_are_found_in_every_shape() {
    let put = s3("in/a+b%2B%C3%A9.txt", "ObjectCreated:Put");
    let put_text = put.to_string();
    let bridge = s3_event_bridge("in/a b+é.txt", "Object Created");
    let cases = [
        ("S3", put.clone()),
        ("S3 to SQS", sqs([sqs_message(1, &put_text, json!({}))])),
        ("S3 to SNS", sns(&put_text, None)),
        ("S3 to SNS to SQS", sqs([sqs_message(1, &notification(&put_text, None).to_string(), json!({}))])),
        ("S3 to EventBridge", bridge.clone()),
        ("S3 to EventBridge to SQS", sqs([sqs_message(1, &bridge.to_string(), json!({}))])),
    ];
    for (name, event) in cases {
        let records = read(&event);
        let [record] = &records[..] else { panic!("{name}: {} records", records.len()) };
        let [object] = &record.objects[..] else { panic!("{name}: {:?}", record.objects) };
        assert_eq!((&*object.bucket, &*object.key), ("intake", "in/a b+é.txt"), "{name}");
        assert_eq!(object.etag.as_deref(), Some("d41d8cd9"), "{name}");
        assert_eq!(object.version.as_deref(), Some("v1"), "{name}");
        assert_eq!(object.request_id.as_deref(), Some("C3D13FE58DE4C810"), "{name}");
        assert_eq!(object.sequencer.as_deref(), Some("0055AED6DCD90281E5"), "{name}");
        assert!(!object.removed && record.inbound.is_empty(), "{name}");
    }
    for (event, removed) in [
        (s3("k", "ObjectRemoved:Delete"), true),
        (s3("k", "s3:ObjectRemoved:DeleteMarkerCreated"), true),
        (s3("k", "LifecycleExpiration:Delete"), true),
        (s3("k", "ObjectCreated:Copy"), false),
        (s3_event_bridge("k", "Object Deleted"), true),
        (s3_event_bridge("k", "Object Created"), false),
    ] {
        assert_eq!(read(&event)[0].objects[0].removed, removed, "{event}");
    }
}

#[test]
fn of_many_objects_the_first_are_named() {
    let mut event = s3("k", "ObjectCreated:Put");
    let entry = event["Records"][0].clone();
    event["Records"] = vec![entry; 40].into();
    let records = read(&sqs([sqs_message(1, &event.to_string(), json!({}))]));
    assert_eq!(records[0].objects.len(), MAX_OBJECTS);
    assert_eq!(read(&event).len(), 40, "in S3's own event each is a record");
}

#[test]
fn what_aws_says_of_a_record_is_read() {
    let mut message = sqs_message(1, "x", w3c(sqs_text, TOKEN));
    message["attributes"]["ApproximateReceiveCount"] = "7".into();
    message["attributes"]["MessageGroupId"] = "g1".into();
    message["attributes"]["AWSTraceHeader"] =
        "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:bd4cecd5:0".into();
    let record = &read(&sqs([message]))[0];
    assert_eq!(record.id.as_deref(), Some("059f36b4-87a3-44ab-83d2-661975830001"));
    assert_eq!(record.group.as_deref(), Some("g1"));
    assert_eq!(record.origin.as_deref(), Some("arn:aws:sqs:eu-central-1:123456789012:orders"));
    assert_eq!((record.attempt, record.xray.seen), (7, Some(1)));
    assert_eq!(record.xray.root.unwrap().to_string(), "5759e988bd862e3fe1be46a994272793");

    let record = &read(&sns("x", Some(w3c(sns_text, TOKEN))))[0];
    assert_eq!(record.id.as_deref(), Some("82833b5c-8d5d-56d0-b0e1-7511f8253eb8"));
    assert_eq!(record.origin.as_deref(), Some("arn:aws:sns:eu-central-1:123456789012:orders"));
    let record = &read(&s3("k", "ObjectCreated:Put"))[0];
    assert_eq!(record.id.as_deref(), Some("C3D13FE58DE4C810:0055AED6DCD90281E5"));
    assert_eq!(record.origin.as_deref(), Some("arn:aws:s3:::intake"));
    let record = &read(&event_bridge(json!({"hopguard": TOKEN})))[0];
    assert_eq!(record.id.as_deref(), Some("d6fd284e-ec22-4fc2-baa1-37d6df528083"));
}

#[test]
fn aws_header_alone_is_worth_a_walk() {
    let mut message = sqs_message(1, "x", json!({}));
    message["attributes"]["AWSTraceHeader"] = "Root=1-5759e988-bd862e3fe1be46a994272793".into();
    let records = read(&sqs([message]));
    assert!(records[0].inbound.is_empty() && records[0].xray.root.is_some());
}

#[test]
fn each_record_has_its_own() {
    let batch = sqs((0..10).map(|nth| {
        let attributes = if nth % 3 == 0 {
            json!({"hopguard": sqs_text(if nth == 9 { LATER } else { TOKEN })})
        } else {
            json!({})
        };
        sqs_message(nth, "x", attributes)
    }));
    assert_eq!(hops(&batch), [Some(3), None, None, Some(3), None, None, Some(3), None, None, Some(4)]);
    let bytes = batch.to_string();
    let event = Reader::default().read(bytes.as_bytes());
    for (nth, record) in event.records().iter().enumerate() {
        assert_eq!(serde_json::from_slice::<Value>(event.json(record)).unwrap(), batch["Records"][nth]);
    }
}

#[test]
fn a_key_counts_where_it_belongs_and_nowhere_else() {
    let attribute = json!({"hopguard": {"stringValue": TOKEN, "dataType": "String"}});
    let body =
        json!({"messageAttributes": attribute, "hopguard": TOKEN, "Sns": {"MessageAttributes": attribute}});
    let mut not_sns = notification("x", Some(w3c(sns_text, TOKEN)));
    not_sns["Type"] = "SubscriptionConfirmation".into();
    let mut as_key = sqs_message(1, "x", json!({}));
    as_key["hopguard"] = TOKEN.into();
    let mut other = sqs_message(1, "x", json!({"hopguard": sqs_text(TOKEN)}));
    other["eventSource"] = "aws:mq".into();
    let cases = [
        ("a body of the same shape", sqs([sqs_message(1, &body.to_string(), json!({}))])),
        (
            "a body that is a whole event",
            sqs([sqs_message(1, &sqs([sqs_message(1, "x", w3c(sqs_text, TOKEN))]).to_string(), json!({}))]),
        ),
        ("a body that is no notification", sqs([sqs_message(1, &not_sns.to_string(), json!({}))])),
        (
            "SNS in SNS in SQS",
            sqs([sqs_message(
                1,
                &notification(&notification("x", Some(w3c(sns_text, TOKEN))).to_string(), None).to_string(),
                json!({}),
            )]),
        ),
        ("a name in capitals", sqs([sqs_message(1, "hopguard", json!({"HOPGUARD": sqs_text(TOKEN)}))])),
        ("a longer name", sqs([sqs_message(1, "x", json!({"hopguard2": sqs_text(TOKEN)}))])),
        ("one level too deep", sqs([sqs_message(1, "x", json!({"a": {"hopguard": sqs_text(TOKEN)}}))])),
        ("beside the attributes", sqs([as_key])),
        ("another source", sqs([other])),
        ("a message", sns(&body.to_string(), None)),
        ("a payload's inner field", json!({"order": {"hopguard": TOKEN}})),
        ("an event's top level, not its detail", event_bridge(json!({"order": {"hopguard": TOKEN}}))),
    ];
    for (name, event) in cases {
        for record in read(&event) {
            assert!(record.inbound.is_empty(), "{name}: {:?}", record.inbound);
        }
    }
}

#[test]
fn an_event_that_was_passed_on_has_its_lineage_at_the_top() {
    for (name, mut event, source) in [
        (
            "SQS",
            sqs([sqs_message(1, "x", json!({})), sqs_message(2, "x", json!({"hopguard": sqs_text(LATER)}))]),
            Source::Sqs,
        ),
        (
            "Kinesis",
            json!({"Records": [{"eventSource": "aws:kinesis"}, {"eventSource": "aws:kinesis"}]}),
            Source::Kinesis,
        ),
        (
            "a source that is not known",
            json!({"Records": [{"eventSource": "aws:mq"}, {"eventSource": "aws:mq"}]}),
            Source::Other,
        ),
        ("nothing in the list", json!({"Records": []}), Source::Invoke),
        ("EventBridge", event_bridge(json!({})), Source::EventBridge),
    ] {
        event["hopguard"] = TOKEN.into();
        let records = read(&event);
        assert!(!records.is_empty() && records.iter().all(|record| record.source == source), "{name}");
        assert_eq!(records[0].inbound.lineage.map(|lineage| lineage.hop), Some(3), "{name}");
        if source == Source::Sqs {
            assert_eq!(
                records[1].inbound.lineage.map(|lineage| lineage.hop),
                Some(4),
                "the higher hop counts"
            );
        }
    }
}

#[test]
fn http_is_believed_with_keys_only() {
    let keys = SigningKeys::parse("0123456789abcdef").unwrap();
    let lineage = Token::decode(TOKEN.as_bytes(), None).unwrap();
    let signed = Token::new(&lineage, Some(&keys)).to_string();
    let headers = |token: &str| json!({"Host": "x", "TraceParent": PARENT, "tracestate": format!("hopguard={token},vendor=x")});
    let v2 = |headers: Value| json!({"version": "2.0", "routeKey": "$default", "headers": headers, "requestContext": {"http": {}}, "body": "{}"});
    let multi = |token: &str| {
        json!({
            "httpMethod": "GET", "headers": null, "requestContext": {"elb": {}},
            "multiValueHeaders": {"traceparent": [PARENT], "tracestate": [format!("hopguard={token}"), "vendor=x"]}
        })
    };
    let (none, with) = (Reader::new(None), Reader::new(Some(keys)));
    type Case<'c> = (&'c str, &'c Reader, Value, Option<u32>, Option<Rejected>);
    let cases: [Case<'_>; 7] = [
        ("no keys", &none, v2(headers(&signed)), None, Some(Rejected::Untrusted)),
        ("no keys, unsigned", &none, v2(headers(TOKEN)), None, Some(Rejected::Untrusted)),
        ("no keys, malformed", &none, v2(headers("01-")), None, Some(Rejected::Untrusted)),
        ("no keys, several values", &none, multi(TOKEN), None, Some(Rejected::Untrusted)),
        ("keys", &with, v2(headers(&signed)), Some(3), None),
        ("keys, unsigned", &with, v2(headers(TOKEN)), None, Some(Rejected::Unsigned)),
        ("keys, several values", &with, multi(&signed), Some(3), None),
    ];
    for (name, reader, event, hop, rejected) in cases {
        let bytes = event.to_string();
        let event = reader.read(bytes.as_bytes());
        let [record] = event.records() else { panic!("{name}") };
        let Inbound { lineage, rejected: found, parent, others } = &record.inbound;
        assert_eq!(record.source, Source::Http, "{name}");
        assert_eq!((lineage.map(|lineage| lineage.hop), *found), (hop, rejected), "{name}");
        assert_eq!(parent.unwrap().to_string(), PARENT, "{name}");
        assert_eq!(others.as_deref(), Some("vendor=x"), "{name}");
    }
}

#[test]
fn both_carriers_of_a_wrapped_message_count() {
    let body = notification("x", Some(w3c(sns_text, TOKEN))).to_string();
    assert_eq!(hops(&sqs([sqs_message(1, &body, w3c(sqs_text, LATER))])), [Some(4)]);
    let body = notification("x", Some(w3c(sns_text, LATER))).to_string();
    assert_eq!(hops(&sqs([sqs_message(1, &body, w3c(sqs_text, TOKEN))])), [Some(4)]);
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn records_are_counted_whether_they_matter_or_not() {
    let carried = |carried| if carried { w3c(sqs_text, TOKEN) } else { json!({}) };
    for touched in [false, true] {
        for records in [1, 3, 10] {
            let event =
                sqs((0..records).map(|id| sqs_message(id, "[{\"Records\": [1, 2]}", carried(touched))));
            let event = event.to_string();
            let event = Reader::default().read(event.as_bytes());
            assert_eq!(
                (count(event.source(), event.bytes()), event.is_untouched()),
                (records, !touched),
                "{records}"
            );
        }
    }
    for (one, expected) in [
        (r#"{"detail-type":"x","source":"y","detail":{}}"#, 1),
        (r#"{"Records":[]}"#, 1),
        (r#"{"Records":7}"#, 1),
        (r#"{"Records":[{},"#, 1),
        (r#"{"Records":[1,{"Records":[1,2,3]},"]"],"more":[1]}"#, 3),
        ("", 1),
    ] {
        let event = one.as_bytes();
        assert_eq!(count(Reader::default().read(event).source(), event), expected, "{one}");
    }
}

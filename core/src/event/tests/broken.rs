use super::*;
use crate::token::Rejected;

#[test]
fn a_broken_token_is_rejected_and_starts_no_lineage() {
    let chain = "0af7651916cd43dd8448eb211c80319c";
    let cases = [
        ("truncated", TOKEN.chars().take(40).collect(), Rejected::Malformed),
        ("over-long", TOKEN.repeat(30), Rejected::TooLong),
        ("very long", "x".repeat(1 << 20), Rejected::TooLong),
        ("non-ASCII", TOKEN.replace("68fd", "68fü"), Rejected::Malformed),
        ("negative", format!("01-{chain}--3-256-68fd508a:2"), Rejected::Malformed),
        ("overflowing", format!("01-{chain}-99999999999-256-68fd508a:2"), Rejected::Malformed),
        ("empty", String::new(), Rejected::Malformed),
        ("a null character", "\0".to_owned(), Rejected::Malformed),
    ];
    for (name, token, expected) in cases {
        for event in [
            sqs([sqs_message(1, "x", json!({"hopguard": sqs_text(&token)}))]),
            sns("x", Some(json!({"hopguard": sns_text(&token)}))),
            event_bridge(json!({"hopguard": token})),
            batch([kinesis(1, json!({"hopguard": token}).to_string().as_bytes())]),
            json!({"hopguard": token}),
        ] {
            let inbound = &read(&event)[0].inbound;
            assert_eq!((inbound.lineage, inbound.rejected), (None, Some(expected)), "{name}");
        }
    }
    let twice = json!({"tracestate": sqs_text(&format!("hopguard={TOKEN},hopguard={LATER}"))});
    let inbound = &read(&sqs([sqs_message(1, "x", twice)]))[0].inbound;
    assert_eq!((inbound.lineage, inbound.rejected), (None, Some(Rejected::Duplicate)));
}

#[test]
fn wrong_shapes_have_no_lineage() {
    let mut values =
        vec![json!(null), json!(7), json!("text"), json!([]), json!([TOKEN]), json!({}), json!(true)];
    values.push(json!([{"stringValue": TOKEN}]));
    for value in values {
        for attribute in [
            value.clone(),
            json!({"stringValue": value}),
            json!({"Value": value}),
            json!({"binaryValue": value}),
        ] {
            if attribute == json!({"stringValue": "text"}) {
                continue;
            }
            let unreadable = read(&sqs([sqs_message(1, "x", json!({"hopguard": attribute}))]));
            assert!(unreadable[0].inbound.lineage.is_none(), "{attribute}");
            assert!(unreadable[0].inbound.rejected.is_some(), "counted: {attribute}");
        }
        let mut attributes = sqs_message(1, "hopguard", json!({}));
        attributes["messageAttributes"] = value.clone();
        let mut all = sqs_message(1, "hopguard", json!({"hopguard": sqs_text(TOKEN)}));
        for key in ["messageId", "body", "attributes", "eventSourceARN"] {
            all[key] = value.clone();
        }
        let records = read(&sqs([attributes, value.clone(), all]));
        assert_eq!(records.len(), 3, "{value}");
        assert!(records[..2].iter().all(|record| record.inbound.is_empty()), "{value}");
        assert_eq!(records[2].inbound.lineage.map(|lineage| lineage.hop), Some(3), "{value}");
        assert_eq!(records[2].attempt, 1);

        let mut envelope = event_bridge(json!({"hopguard": TOKEN}));
        envelope["detail-type"] = value.clone();
        envelope["detail"] = value.clone();
        let _ = read(&envelope);
        let _ = read(&json!({"Records": value, "x": "hopguard"}));
        let _ = read(&json!({"requestContext": value, "headers": value, "x": "hopguard"}));
        let mut change = dynamodb(1, Some(value.clone()), Some(json!({"S": value})));
        assert!(read(&batch([change.clone()]))[0].inbound.lineage.is_none(), "{value}");
        change["dynamodb"] =
            json!({"NewImage": value, "OldImage": value, "SequenceNumber": value, "x": "hopguard"});
        let mut data = kinesis(1, br#"{"hopguard":"x"}"#);
        data["kinesis"]["sequenceNumber"] = value.clone();
        let mut no_data = data.clone();
        no_data["kinesis"]["data"] = value.clone();
        let records = read(&batch([change, data, no_data]));
        assert!(records.iter().all(|record| record.inbound.lineage.is_none()), "{value}");
        let mut object = s3("k", "ObjectCreated:Put");
        object["Records"][0]["s3"]["bucket"] = value.clone();
        assert!(read(&object)[0].objects.is_empty(), "{value}");
        assert!(read(&json!({"hopguard": value}))[0].inbound.lineage.is_none(), "{value}");
    }
}

#[test]
fn of_two_equal_keys_the_last_counts() {
    let attribute = |token: &str| format!(r#""hopguard":{{"stringValue":"{token}","dataType":"String"}}"#);
    let record = format!(
        r#"{{"messageId":"1","messageAttributes":{{{},{}}},"messageId":"2"}}"#,
        attribute(TOKEN),
        attribute(LATER)
    );
    let event = format!(r#"{{"Records":[{{"body":""}}],"Records":[{record}]}}"#);
    let event = Reader::default().read(event.as_bytes());
    let [record] = event.records() else { panic!() };
    assert_eq!(
        (record.id.as_deref(), record.inbound.lineage.map(|lineage| lineage.hop)),
        (Some("2"), Some(4))
    );
    let left = event.without(|_| true).unwrap();
    assert_eq!(String::from_utf8(left).unwrap(), r#"{"Records":[{"body":""}],"Records":[]}"#);
}

#[test]
fn names_with_escapes_are_compared_decoded() {
    let event = format!(
        r#"{{"Records":[{{"messageId":"hopguard","messageAttributes":{{"hop\u0067uard":{{"string\u0056alue":"{TOKEN}"}}}}}}]}}"#
    );
    let event = Reader::default().read(event.as_bytes());
    assert_eq!(event.records()[0].inbound.lineage.map(|lineage| lineage.hop), Some(3));
}

#[test]
fn what_breaks_off_is_untouched() {
    let events = [
        sqs([
            sqs_message(1, &notification("x", Some(w3c(sns_text, TOKEN))).to_string(), w3c(sqs_text, TOKEN)),
            sqs_message(2, "é\"\\", json!({})),
        ]),
        sns(&s3("k", "ObjectCreated:Put").to_string(), Some(w3c(sns_text, TOKEN))),
        s3("k", "ObjectCreated:Put"),
        event_bridge(json!({"hopguard": TOKEN})),
        batch([kinesis(1, format!(r#"{{"hopguard":"{TOKEN}"}}"#).as_bytes()), kinesis(2, b"{}")]),
        batch([dynamodb(1, Some(json!({"S": LATER})), Some(json!({"S": TOKEN})))]),
        json!({"requestContext": {}, "headers": {"tracestate": format!("hopguard={TOKEN}")}}),
        json!({"hopguard": {"tracestate": format!("hopguard={TOKEN}")}}),
    ];
    let reader = Reader::default();
    for event in events {
        let bytes = event.to_string().into_bytes();
        assert!(!reader.read(&bytes).is_untouched());
        for end in 0..bytes.len() {
            let cut = reader.read(&bytes[..end]);
            assert!(
                cut.is_untouched() && cut.without(|_| true).is_none(),
                "{}",
                String::from_utf8_lossy(&bytes[..end])
            );
            // What would be inside is read too, from any place on.
            let _ = reader.read(&bytes[end..]);
            let _ = field::write(&bytes[..end], PARENT, "x=y");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            for byte in [b'"', b'\\', b'}'] {
                changed[at] = byte;
                let event = reader.read(&changed);
                let _ = event.without(|_| true);
            }
        }
    }
}

#[test]
fn a_list_whose_brackets_do_not_match_is_left_alone() {
    for event in
        [r#"{"Records":[1}}"#, r#"{"Records":[{"a":1]},2]}"#, r#"{"Records":[{"a"}]}"#, r#"{"Records":[,,]}"#]
    {
        let event = Reader::default().read(event.as_bytes());
        assert!(event.is_untouched() && event.without(|_| false).is_none_or(|same| same == event.bytes()));
    }
}

#[test]
fn depth_and_size_do_no_harm() {
    let reader = Reader::default();
    for depth in [300, 100_000] {
        for (open, close) in [("[", "]"), (r#"{"hopguard":"#, "}"), (r#"{"Records":["#, "]}")] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for event in [
                nested.clone(),
                format!(r#"{{"Records":[{{"body":"x","messageAttributes":{nested}}}]}}"#),
                format!(r#"{{"detail-type":"x","source":"y","detail":{nested}}}"#),
            ] {
                let event = reader.read(event.as_bytes());
                assert!(event.records().iter().all(|record| record.inbound.lineage.is_none()));
            }
            // The body of a record may be as deep: it is looked at, and the record's own lineage still counts.
            let batch = sqs([sqs_message(1, &format!(r#"{{"Type":{nested}}}"#), w3c(sqs_text, TOKEN))]);
            assert_eq!(hops(&batch), [Some(3)]);
        }
    }
    let large = "x".repeat(6_000_000);
    assert!(read(&sqs([sqs_message(1, &large, json!({}))])).is_empty());
    assert_eq!(hops(&sqs([sqs_message(1, &large, w3c(sqs_text, TOKEN))])), [Some(3)]);
    assert_eq!(hops(&sqs([sqs_message(1, &"\\\"".repeat(1_000_000), w3c(sqs_text, TOKEN))])), [Some(3)]);
}

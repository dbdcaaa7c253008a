#![allow(clippy::disallowed_methods, reason = "fixtures are files, and cargo knows where")]

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// The example events of the crate aws_lambda_events, from cargo's own copy of its package.
fn published() -> Vec<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "aws_lambda_events")
        .unwrap();
    let folder = Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("src").join("fixtures");
    json_files(&folder)
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    files.sort();
    files
}

/// That nothing but the records is ever taken out.
fn check_without(name: &str, bytes: &[u8], event: &Event<'_>) {
    let whole: Option<Value> = serde_json::from_slice(bytes).ok();
    let has_list = whole.as_ref().is_some_and(|value| value["Records"].is_array());
    let same = event.without(|_| false);
    assert_eq!(same.is_some(), has_list, "{name}");
    assert!(same.is_none_or(|same| same == bytes), "{name}");
    if let (Some(left), Some(mut whole)) = (event.without(|_| true), whole) {
        whole["Records"] = json!([]);
        assert_eq!(serde_json::from_slice::<Value>(&left).unwrap(), whole, "{name}");
    }
}

#[test]
fn no_published_example_has_lineage_or_is_altered() {
    let files = published();
    assert!(files.len() > 100, "only {} found", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        for keys in [None, SigningKeys::parse("0123456789abcdef").ok()] {
            let event = Reader::new(keys).read(&bytes);
            for record in event.records() {
                assert!(
                    record.inbound.lineage.is_none() && record.inbound.rejected.is_none(),
                    "{name}: {:?}",
                    record.inbound
                );
            }
            check_without(&name, &bytes, &event);
        }
        let source = match &*name {
            name if name.starts_with("example-sqs-event") => Some(Source::Sqs),
            name if name.starts_with("example-sns-event") && !name.contains("pascal") => Some(Source::Sns),
            name if name.starts_with("example-s3-event") => Some(Source::S3),
            name if name.starts_with("example-eventbridge") => Some(Source::EventBridge),
            "example-apigw-request.json" | "example-apigw-v2-request-iam.json" => Some(Source::Http),
            name if name.starts_with("example-alb-lambda-target-request") => Some(Source::Http),
            name if name.starts_with("example-kinesis-event") => Some(Source::Kinesis),
            "example-dynamodb-event.json" => Some(Source::DynamoDb),
            _ => None,
        };
        if let Some(source) = source {
            assert_eq!(Reader::default().read(&bytes).source(), source, "{name}");
        }
    }
}

/// Whether the token of the captured events stands in a text, or in what it encodes.
fn mentions_token(text: &str) -> bool {
    const CHAIN: &str = "01-4bf92f3577b34da6a3ce929d0e0e4736";
    let mut texts = text.split('"');
    texts.any(|text| {
        let decoded = encoded::decode(text.as_bytes()).unwrap_or_default();
        text.contains(CHAIN) || String::from_utf8_lossy(&decoded).contains(CHAIN)
    })
}

/// Events as the emulators really delivered them.
#[test]
fn captured_events_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    for (source, expected) in [
        ("sqs", Source::Sqs),
        ("sns", Source::Sns),
        ("sns-sqs", Source::Sqs),
        ("s3", Source::S3),
        ("s3-sqs", Source::Sqs),
        ("s3-sns", Source::Sns),
        ("s3-sns-sqs", Source::Sqs),
        ("s3-eventbridge", Source::EventBridge),
        ("eventbridge", Source::EventBridge),
        ("invoke", Source::Invoke),
        ("kinesis", Source::Kinesis),
        ("dynamodb", Source::DynamoDb),
    ] {
        for path in json_files(&folder.join(source)) {
            let name = path.display().to_string();
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            let event = Reader::default().read(&bytes);
            check_without(&name, &bytes, &event);
            if text.trim_start().starts_with('{') {
                assert_eq!(event.source(), expected, "{name}");
            }
            let has_token = mentions_token(&text);
            for record in event.records() {
                let own = mentions_token(&String::from_utf8_lossy(event.json(record)));
                assert_eq!(record.inbound.lineage.map(|lineage| lineage.hop), own.then_some(3), "{name}");
                assert_eq!(record.inbound.rejected, None, "{name}");
                if source.starts_with("s3") && !name.contains("test-event") {
                    assert_eq!((record.objects.len(), &*record.objects[0].bucket), (1, "intake"), "{name}");
                    assert_eq!(record.objects[0].removed, name.contains("delete"), "{name}");
                    assert!(!record.objects[0].key.contains('%'), "{name}");
                }
            }
            assert!(
                event.records().iter().all(|record| record.id.is_some() || expected == Source::Invoke),
                "{name}"
            );
            assert_eq!(
                event.is_untouched(),
                !has_token && (!source.starts_with("s3") || name.contains("test-event")),
                "{name}"
            );
        }
    }
}

use anyhow::Result;
use hopguard_tests::{Plan, Send};
use serde_json::Value;

use crate::bed::Bed;
use crate::program::Program;

fn found<'d>(document: &'d Value, check: &str, level: &str) -> Vec<&'d str> {
    let checks = document["functions"][0]["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|one| one["check"] == check && one["level"] == level)
        .map(|one| one["message"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn what_would_fail_is_told_before_it_does() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::queue(queue.url()));
    let role = bed.cloud.role("worker", &["lambda:GetFunctionConcurrency", "sqs:SendMessage"]).await?;
    let function = bed.function("worker", &plan).role(&role).env("HOPGUARD_MAX_VISIT", "5").deploy().await?;
    function.consume(&queue).create().await?;

    let document = hopguard.json(4, &["doctor", "worker"]).await;
    let told = [
        ("settings", "error", "did you mean HOPGUARD_MAX_VISITS"),
        ("permission", "error", "lambda:PutFunctionConcurrency"),
        ("permission", "warning", "lambda:TagResource"),
        ("batch-failures", "warning", "work lacks ReportBatchItemFailures"),
        ("dead-letters", "warning", "queue work has no dead-letter queue"),
        ("async-events", "warning", "would be lost"),
        ("quarantine", "ok", "0 in it"),
        ("aws-detection", "ok", "RecursiveLoop=Allow"),
        ("layer", "unknown", "crate"),
        ("lineage", "unknown", "HOPGUARD_METRICS"),
    ];
    for (check, level, words) in told {
        let messages = found(&document, check, level);
        assert!(
            messages.iter().any(|message| message.contains(words)),
            "{check} {level} {words}: {document:#}"
        );
    }
    let allowed = found(&document, "permission", "error").join(" ")
        + &found(&document, "permission", "warning").join(" ");
    assert!(!allowed.contains("sqs:SendMessage") && !allowed.contains("GetFunctionConcurrency"), "{allowed}");
    // Without a name: the one function with settings.
    hopguard
        .run(&["doctor"])
        .await
        .is(4, &["worker WRONG settings: HOPGUARD_MAX_VISIT is not a setting", "-> "]);
    Ok(())
}

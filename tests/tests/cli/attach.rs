//! From a function that nobody guards to a report of the loop that it was in, by the command line alone.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Function, Plan, Runtime, Send, Witness};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::bed::Bed;
use crate::program::Program;
use crate::tree::{checkout, layer};

/// An environment takes seconds to start on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A Python function that sends on what it gets, with its own variables and no layer.
async fn forwarder(bed: &Bed, plan: &Plan) -> Result<Function> {
    let runtime = Runtime::Python { source: checkout("tests/functions/python/forward.py") };
    let role = bed.cloud.role("worker", &[]).await?;
    bed.cloud
        .function("worker")
        .code(runtime)
        .role(&role)
        .env(Plan::VARIABLE, plan.text())
        .env(Witness::VARIABLE, bed.witness.address())
        .timeout(Duration::from_secs(20))
        .deploy()
        .await
}

async fn zip() -> Result<String> {
    let path = spawn_blocking(|| layer().zip()).await??;
    Ok(path.to_str().unwrap().to_owned())
}

async fn configuration(bed: &Bed) -> Result<(Vec<String>, HashMap<String, String>)> {
    let answer = bed.cloud.lambda().get_function_configuration().function_name("worker").send().await?;
    let layers = answer.layers.unwrap_or_default().into_iter().filter_map(|layer| layer.arn).collect();
    Ok((layers, answer.environment.and_then(|environment| environment.variables).unwrap_or_default()))
}

#[tokio::test]
async fn attached_looped_seen_resumed_reported_detached() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    let queue = bed.cloud.queue("work").create().await?;
    let function = forwarder(&bed, &Plan::forward(Send::queue(queue.url()))).await?;
    function.consume(&queue).partial().create().await?;
    let before = configuration(&bed).await?;

    let spans = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}.json", std::process::id()));
    let file = format!("HOPGUARD_OTLP_FILE={}", spans.display());
    let zip = zip().await?;
    let attach = [
        &["attach", "worker", "--zip", &zip, "--quarantine", "kept", "--max-visits", "5"][..],
        &["--set", "HOPGUARD_OTLP_PORT=0", "--set", &file, "--yes"],
    ]
    .concat();
    let attached = hopguard.run(&attach).await;
    attached.is(
        0,
        &[
            "worker changed",
            "layer:hopguard:1 is added",
            "queue kept is created",
            "lambda:PutFunctionConcurrency",
        ],
    );
    let again = hopguard.json(0, &attach).await;
    assert_eq!(
        again["functions"][0]["outcome"], "unchanged",
        "the same content is not published twice: {again}"
    );

    let kept = bed.cloud.sqs().get_queue_url().queue_name("kept").send().await?.queue_url.unwrap();
    assert!(attached.out.contains(&kept), "the queue's own address: {attached}");

    // What was named once stays: another limit takes no permission away.
    hopguard.run(&["attach", "worker", "--bucket", "photos", "--yes"]).await.is(0, &["s3:GetObject"]);
    let looks_up = async || -> Result<bool> {
        let policy = bed.cloud.role_policy("worker", "hopguard-worker").await?;
        Ok(policy.to_string().contains("arn:aws:s3:::photos/*"))
    };
    assert!(looks_up().await?);
    for (visits, told) in [("4", "HOPGUARD_MAX_VISITS=4 is set"), ("5", "it was HOPGUARD_MAX_VISITS=4")] {
        hopguard.run(&["attach", "worker", "--max-visits", visits, "--yes"]).await.is(0, &[told]);
    }
    assert!(looks_up().await?);

    hopguard
        .run(&["status", "worker"])
        .await
        .is(0, &["admitting, nothing reserved, layer attached, at most 5 visits"]);
    queue.send("keep me").await?;
    function.tripped(SOON).await?;
    bed.settled().await?;
    assert_eq!(bed.runs("worker").len(), 5);

    let status = hopguard.json(4, &["status"]).await;
    let tripped = &status["functions"][0];
    assert_eq!((&tripped["function"], &tripped["state"]), (&json!("worker"), &json!("tripped")), "{status}");
    assert_eq!(tripped["trip"]["prior"], "unreserved", "{status}");
    assert_eq!(tripped["quarantine"]["visible"], 1, "{status}");
    assert_eq!(tripped["asynchronous"]["lost"], true, "{status}");
    let chain = tripped["trip"]["chain"].as_str().unwrap().to_owned();
    hopguard.run(&["status"]).await.is(
        4,
        &[
            "worker TRIPPED: at 0 since",
            &chain,
            "visit 6 of 5 allowed on one path",
            "removes its reserved concurrency",
            "LOST",
        ],
    );

    let report = hopguard.json(0, &["report", spans.to_str().unwrap()]).await;
    let reported = report["chains"].to_string();
    assert!(reported.contains("worker") && report.to_string().contains(&chain), "{report}");

    hopguard
        .run(&["resume", "worker", "--yes"])
        .await
        .is(0, &["worker resumed: removes its reserved concurrency"]);
    assert_eq!(function.reserved_concurrency().await?, None);
    assert!(function.tags().await?.keys().all(|tag| !tag.starts_with("hopguard:")));
    hopguard.run(&["resume", "worker", "--yes"]).await.is(3, &["not at 0"]);

    let detached = hopguard.run(&["detach", "worker", "--yes"]).await;
    detached.is(0, &["HOPGUARD_MAX_VISITS is removed", "layer:hopguard:1 is removed"]);
    assert_eq!(configuration(&bed).await?, before);
    hopguard.run(&["detach", "worker", "--yes"]).await.is(0, &["nothing to change"]);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_everything() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    let queue = bed.cloud.queue("work").create().await?;
    let function = forwarder(&bed, &Plan::forward(Send::queue(queue.url()))).await?;
    function.consume(&queue).create().await?;
    let before = configuration(&bed).await?;
    let zip = zip().await?;
    let dry = ["attach", "worker", "--zip", &zip, "--quarantine", "kept", "--batch-failures", "--dry-run"];
    let said = hopguard.run(&dry).await;
    said.is(
        0,
        &[
            "would change",
            "layer:hopguard:NEW is added",
            "AWS_LAMBDA_EXEC_WRAPPER=/opt/hopguard/wrap is set",
            "batches of work can fail in parts",
            "queue kept is created",
            "inline policy hopguard-worker",
        ],
    );
    assert_eq!(configuration(&bed).await?, before);
    let layers = bed.cloud.lambda().list_layers().send().await?;
    assert!(layers.layers().is_empty(), "nothing was published");
    assert!(bed.cloud.sqs().get_queue_url().queue_name("kept").send().await.is_err(), "no queue was created");
    // The real one does what the dry one said.
    hopguard.run(&[&dry[..7], &["--yes"]].concat()).await.is(0, &["changed"]);
    let mappings = bed.cloud.lambda().list_event_source_mappings().function_name("worker").send().await?;
    let types = mappings.event_source_mappings()[0].function_response_types();
    assert_eq!(
        types.iter().map(aws_sdk_lambda::types::FunctionResponseType::as_str).collect::<Vec<_>>(),
        ["ReportBatchItemFailures"]
    );
    // A quarantine that feeds the function would be a loop of its own.
    let refused = hopguard.run(&["attach", "worker", "--zip", &zip, "--quarantine", "work", "--yes"]).await;
    refused.is(1, &["worker refused", "a new loop"]);
    Ok(())
}

//! What functions under the layer are said to wait, beside what they are known to wait.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopguard_cli::report::{FunctionCost, Report, report_of};
use hopguard_tests::{Cloud, Design, Plan, Send, Shop, eventually};
use serde_json::Value;
use tempfile::TempDir;

use crate::bed::Bed;
use crate::language::{SOON, layered};
use crate::tree::{checkout, layer};
use crate::{node, python};

/// The files of the spans: not in /tmp, of which each environment has its own.
fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// What `hopguard report` says of the spans in a folder.
fn report(folder: &Path) -> Result<Report> {
    let files = fs::read_dir(folder)?.flatten().map(|file| file.path()).filter(|path| path.is_file());
    let texts: Vec<_> = files.map(fs::read).collect::<Result<_, _>>()?;
    report_of(&mut texts.concat().as_slice()).context("no report")
}

fn of<'r>(report: &'r Report, function: &str) -> &'r FunctionCost {
    let found = report.functions.iter().find(|cost| cost.function == function);
    found.unwrap_or_else(|| panic!("no {function} in {:#?}", report.functions))
}

fn seconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64()
}

/// Payment works for 0.3 s and invoice for 0.2 s, here eight times as slowly: so much, and the way there and back, is waited for. A busy
/// machine adds to that, and takes nothing away: what is known is the least of some invocations.
#[tokio::test]
async fn three_functions_that_call_each_other_wait_as_long_as_is_known() -> Result<()> {
    let cloud = Cloud::start().await?;
    let folder = folder()?;
    let shop = Shop::open(&cloud, layer(), &checkout("tests/functions/shop"), folder.path()).await?;
    let requests = 3;
    shop.pace(8.0).serve(Design::Synchronous, requests).await?;

    let report = report(folder.path())?;
    for (function, known) in [("order-sync", 8.0 * 0.5), ("payment-sync", 8.0 * 0.2), ("invoice-sync", 0.0)] {
        let cost = of(&report, function);
        let own = report.invocations.iter().filter(|invocation| invocation.function == function);
        let waits: Vec<_> = own.map(|invocation| seconds(invocation.wait.ns)).collect();
        assert_eq!(waits.len() as u64, requests, "{function}");
        let least = waits.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(
            (least - known).abs() <= known * 0.05,
            "{function} waits {known} s, and {waits:?} s were reported"
        );
        let wait = seconds(cost.totals.wait.ns);
        // The price by hand: seconds × 1 GB × the price of a GB-second.
        let usd = wait * report.price.usd_per_gb_second;
        assert!(
            (cost.totals.wait.usd - usd).abs() < 1e-12,
            "{usd} USD, and {:?} was reported",
            cost.totals.wait
        );
        let invokes = if function == "invoice-sync" { 0 } else { requests };
        assert_eq!((cost.memory_mb, cost.totals.sync_invokes), (Some(1_024), invokes), "{function}");
    }
    let waiting: Vec<_> = report.findings.iter().map(|found| (found.kind, found.function.as_str())).collect();
    assert!(waiting.contains(&("sync-invoke", "order-sync")), "{waiting:?}");
    assert!(waiting.contains(&("sync-invoke", "payment-sync")), "{waiting:?}");
    Ok(())
}

#[tokio::test]
async fn two_writes_at_once_are_waited_for_as_long_as_the_longer_one() -> Result<()> {
    let cloud = Cloud::start().await?;
    let folder = folder()?;
    let shop = Shop::open(&cloud, layer(), &checkout("tests/functions/shop"), folder.path()).await?;
    shop.serve(Design::Serial, 2).await?;
    shop.serve(Design::Parallel, 2).await?;

    let report = report(folder.path())?;
    assert_eq!(report.invocations.len(), 4, "two of each");
    for invocation in &report.invocations {
        let calls = &invocation.calls;
        assert_eq!(calls.len(), 2, "{calls:#?}");
        let (sum, longest) = calls.iter().fold((0, 0), |(sum, longest): (u64, u64), call| {
            (sum + call.duration_ns, longest.max(call.duration_ns))
        });
        let wait = invocation.wait.ns;
        if invocation.function == "receipt-serial" {
            assert_eq!((wait, invocation.saving.ns), (sum, sum - longest), "{invocation:#?}");
        } else {
            // The second of the two threads starts a moment after the first, and on a busy machine some more.
            let begins = calls.iter().map(|call| call.start_ns).min().context("no call")?;
            let ends = calls.iter().map(|call| call.start_ns.saturating_add_unsigned(call.duration_ns)).max();
            let union = ends.context("no call")? - begins;
            assert_eq!(i64::try_from(wait)?, union, "{invocation:#?}");
            assert!((longest..sum).contains(&wait), "{invocation:#?}");
            assert_eq!(invocation.saving.ns, 0, "{invocation:#?}");
        }
    }
    Ok(())
}

/// A span as a file of OTLP JSON has it.
#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    invocation: bool,
}

fn spans(file: &Path) -> Vec<Span> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let spans = lines.flat_map(|line| list(&line, "resourceSpans"));
    let spans = spans.flat_map(|of| list(&of, "scopeSpans")).flat_map(|of| list(&of, "spans"));
    let text = |span: &Value, key: &str| span[key].as_str().unwrap_or_default().to_owned();
    let span = spans.map(|span| Span {
        trace: text(&span, "traceId"),
        id: text(&span, "spanId"),
        parent: text(&span, "parentSpanId"),
        invocation: list(&span, "attributes").iter().any(|attribute| attribute["key"] == "faas.trigger"),
    });
    span.collect()
}

/// Python → SQS → Node.js → SNS → Python → S3 → Node.js: the invocation of each is a child of the call that sent its event.
#[tokio::test]
async fn one_trace_joins_four_functions_over_three_carriers() -> Result<()> {
    let bed = Bed::start().await?;
    let folder = folder()?;
    let queue = bed.cloud.queue("to-second").create().await?;
    let topic = bed.cloud.topic("to-third").await?;
    let bucket = bed.cloud.bucket("to-fourth").await?;
    let object = Send::Object { bucket: bucket.name().to_owned(), prefix: "in/".to_owned() };
    let plans = [
        ("first", python::runtime(), Plan::forward(Send::queue(queue.url()))),
        ("second", node::runtime(), Plan::forward(Send::topic(topic.arn()))),
        ("third", python::runtime(), Plan::forward(object)),
        ("fourth", node::runtime(), Plan::default()),
    ];
    let file = |name: &str| folder.path().join(name).with_extension("jsonl");
    let mut functions = Vec::new();
    for (name, runtime, plan) in &plans {
        let function = layered(&bed, name, runtime, plan)
            .env("HOPGUARD_OTLP_FILE", file(name).to_string_lossy())
            .env("HOPGUARD_OTLP_PORT", "0");
        functions.push(function.deploy().await?);
    }
    let [first, second, third, fourth] = functions.as_slice() else { panic!("four functions") };
    second.consume(&queue).partial().create().await?;
    topic.subscribe(third).await?;
    bucket.notify(fourth, "in/").await?;

    let answer = first.invoke(&serde_json::json!({ "order": 1 })).await?;
    assert_eq!(answer.error, None, "{}", answer.payload);
    eventually("the last function's span", SOON, async || {
        Ok(spans(&file("fourth")).iter().any(|span| span.invocation).then_some(()))
    })
    .await?;

    let by_name: BTreeMap<_, _> = plans.iter().map(|(name, ..)| (*name, spans(&file(name)))).collect();
    let traces: HashSet<_> = by_name.values().flatten().map(|span| span.trace.as_str()).collect();
    assert_eq!(traces.len(), 1, "{by_name:#?}");
    for pair in plans.windows(2) {
        let (sender, receiver) = (&by_name[pair[0].0], &by_name[pair[1].0]);
        let invocation = receiver.iter().find(|span| span.invocation).unwrap();
        let call = sender.iter().find(|span| span.id == invocation.parent);
        assert!(call.is_some_and(|call| !call.invocation), "{}: {by_name:#?}", pair[1].0);
    }
    Ok(())
}

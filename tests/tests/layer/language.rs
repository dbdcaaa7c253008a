//! What holds for a function under the layer, whatever its language.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use hopguard::core::event::Reader;
use hopguard::core::{FunctionId, Lineage};
use hopguard_tests::{
    Draft, Environment, Function, FunctionBuilder, Layer, Plan, Runtime, Send, Witness, is_run,
};
use serde_json::{Value, json};

use crate::bed::{Bed, assert_tripped, bodies, token};
use crate::tree::{checkout, layer};

/// An environment takes seconds to start on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// What a user names in `AWS_LAMBDA_EXEC_WRAPPER`.
pub(crate) const WRAPPER: &str = "/opt/hopguard/wrap";

/// The tests' function under the layer: five visits are allowed, and blocked records go to the quarantine queue.
pub(crate) fn layered<'b>(bed: &'b Bed, name: &str, runtime: &Runtime, plan: &Plan) -> FunctionBuilder<'b> {
    let function = bed.cloud.function(name).layered(layer(), runtime.clone());
    function
        .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
        .env(Plan::VARIABLE, plan.text())
        .env(Witness::VARIABLE, bed.witness.address())
        .env("HOPGUARD_MAX_VISITS", "5")
        .env("HOPGUARD_QUARANTINE", bed.quarantine.url())
        .timeout(Duration::from_secs(20))
}

/// The lineage that stood in the record of a run: where a handler that passes it on passes on its own invocation's.
pub(crate) fn lineage(run: &Value) -> Option<Lineage> {
    let event = match &run["source"] {
        source if source == "invoke" || source == "eventbridge" => run["record"].clone(),
        _ => json!({ "Records": [run["record"]] }),
    };
    let event = event.to_string();
    let event = Reader::default().read(event.as_bytes());
    event.records().first()?.inbound.lineage
}

/// Hop and visits of each run, sorted; a run that nothing came with is a root.
pub(crate) fn path(bed: &Bed, function: &Function) -> Vec<(u64, u64)> {
    let id = FunctionId::from_arn(function.arn());
    let place = |run: &Value| {
        let lineage = lineage(run);
        lineage.map_or((0, 1), |lineage| (lineage.hop.into(), lineage.visits.of(id).into()))
    };
    let mut path: Vec<_> = bed.runs(function.name()).iter().map(place).collect();
    path.sort_unstable();
    path
}

/// What a function's log says when it runs no more, for the message of a failed test.
async fn tripped(bed: &Bed, function: &Function) -> Result<()> {
    assert_tripped(function, "unreserved").await?;
    bed.settled().await.map(drop)
}

pub(crate) async fn an_sqs_loop(runtime: &Runtime, variables: &[(&str, &str)]) -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::queue(queue.url()));
    let mut function = layered(&bed, "worker", runtime, &plan);
    for (name, value) in variables {
        function = function.env(name, *value);
    }
    let function = function.deploy().await?;
    function.consume(&queue).partial().create().await?;
    queue.send("keep me \u{fc}").await?;
    tripped(&bed, &function).await?;
    assert_eq!(path(&bed, &function), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    let chains: Vec<_> = bed.runs("worker").iter().filter_map(lineage).map(|lineage| lineage.chain).collect();
    assert!(chains.windows(2).all(|two| two[0] == two[1]), "one chain");
    assert_eq!(bodies(&bed.quarantine.holds(1, SOON).await?), ["keep me \u{fc}"]);
    assert!(queue.peek().await?.is_empty());
    Ok(())
}

/// A root that sends three messages to its own queue, and all that follows: at most (credit + 1) × visits run.
pub(crate) async fn a_loop_that_branches(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::Queue { url: queue.url().to_owned(), copies: 3, batch: true });
    let function = layered(&bed, "worker", runtime, &plan)
        .env("HOPGUARD_BRANCH_CREDIT", "3")
        .env("HOPGUARD_TRIP", "off")
        .deploy()
        .await?;
    function.consume(&queue).partial().create().await?;
    queue.send("branch").await?;
    bed.settled().await?;
    let runs = bed.runs("worker").len();
    assert!(queue.drain().await?.is_empty(), "the loop has ended");
    assert!((6..=20).contains(&runs), "{runs} runs, the bound is 20");
    Ok(())
}

pub(crate) async fn an_sns_loop(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let topic = bed.cloud.topic("news").await?;
    let plan = Plan::forward(Send::topic(topic.arn()));
    let function = layered(&bed, "worker", runtime, &plan).deploy().await?;
    topic.subscribe(&function).await?;
    topic.publish("keep me").await?;
    tripped(&bed, &function).await?;
    assert_eq!(path(&bed, &function), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept[0].json()?["Records"][0]["Sns"]["Message"], "keep me");
    Ok(())
}

pub(crate) async fn an_s3_loop(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let bucket = bed.cloud.bucket("objects").await?;
    let plan = Plan::forward(Send::Object { bucket: bucket.name().to_owned(), prefix: "in/".to_owned() });
    let function = layered(&bed, "worker", runtime, &plan).deploy().await?;
    bucket.notify(&function, "in/").await?;
    bucket.put("in/first", b"x", &[]).await?;
    tripped(&bed, &function).await?;
    assert_eq!(bed.runs("worker").len(), 5, "five visits, and no sixth");
    let kept = bed.quarantine.holds(1, SOON).await?;
    let record = &kept[0].json()?["Records"][0];
    assert_eq!(record["s3"]["bucket"]["name"], bucket.name());
    Ok(())
}

pub(crate) async fn a_direct_asynchronous_loop(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let plan = Plan::forward(Send::Invoke { function: "worker".to_owned(), synchronous: false });
    let function = layered(&bed, "worker", runtime, &plan).deploy().await?;
    function.invoke_async(&json!({ "order": 1 })).await?;
    tripped(&bed, &function).await?;
    assert_eq!(path(&bed, &function), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept[0].json()?["order"], 1);
    Ok(())
}

pub(crate) async fn a_kinesis_loop(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let stream = bed.cloud.stream("orders").await?;
    let plan = Plan::forward(Send::Stream { stream: stream.name().to_owned() });
    let function = layered(&bed, "worker", runtime, &plan).deploy().await?;
    function.consume_stream(&stream).partial().create().await?;
    stream.put(&json!({ "order": 1 })).await?;
    tripped(&bed, &function).await?;
    assert_eq!(path(&bed, &function), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept[0].json()?["Records"][0]["eventSource"], "aws:kinesis");
    Ok(())
}

pub(crate) async fn a_dynamodb_loop(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let table = bed.cloud.table("orders").await?;
    let plan = Plan::forward(Send::Item { table: table.name().to_owned() });
    let function = layered(&bed, "worker", runtime, &plan).env("HOPGUARD_DYNAMODB_TABLES", table.name());
    let function = function.deploy().await?;
    function.consume_table(&table).partial().create().await?;
    table.put("first", "an order").await?;
    tripped(&bed, &function).await?;
    assert_eq!(path(&bed, &function), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept[0].json()?["Records"][0]["dynamodb"]["NewImage"]["text"]["S"], "an order");
    Ok(())
}

/// A chain has a budget of three invocations, however often its function may be visited.
pub(crate) async fn a_chain_beyond_its_budget(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let ledger = bed.cloud.ledger("ledger").await?;
    let queue = bed.cloud.queue("work").create().await?;
    let function = layered(&bed, "worker", runtime, &Plan::forward(Send::queue(queue.url())))
        .env("HOPGUARD_MAX_VISITS", "100")
        .env("HOPGUARD_CHAIN_BUDGET", "3")
        .env("HOPGUARD_LEDGER_TABLE", ledger.name());
    let function = function.deploy().await?;
    function.consume(&queue).partial().create().await?;
    queue.send("keep me").await?;
    tripped(&bed, &function).await?;
    assert_eq!(path(&bed, &function), [(0, 1), (1, 2), (2, 3)]);
    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(bodies(&kept), ["keep me"]);
    let reason = kept[0].attributes.get("hopguard-reason").map(String::as_str);
    assert_eq!(reason, Some("chain_budget: invocation 4 of 3 allowed in one chain"));
    assert_eq!(ledger.counts().await?.into_values().collect::<Vec<_>>(), [3]);
    Ok(())
}

pub(crate) async fn of_ten_records_the_handler_gets_nine(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("orders").create().await?;
    let plan = Plan { each: true, ..Plan::default() };
    let function = layered(&bed, "orders", runtime, &plan).deploy().await?;
    let draft = |n: usize| {
        let draft = Draft::new(format!("m{n}"));
        if n == 4 { draft.attribute("hopguard", token(&function, 5, 1)) } else { draft }
    };
    queue.send_batch((0..10).map(draft)).await?;
    function.consume(&queue).batch_size(10).partial().create().await?;
    tripped(&bed, &function).await?;
    let others: Vec<_> = (0..10).filter(|n| *n != 4).map(|n| format!("m{n}")).collect();
    assert_eq!(bed.texts("orders"), others);
    assert_eq!(bodies(&bed.quarantine.holds(1, SOON).await?), ["m4"]);
    assert!(queue.peek().await?.is_empty(), "all ten were acknowledged");
    Ok(())
}

/// A function that has no layer loops on; its next environment, with the layer in its configuration, is the last of the loop.
///
/// Where Lambda lets an invocation end in the environment that it began in, ministack ends the environment with the update. If
/// that one had sent its message on, then the message that it had taken comes again beside it: two chains, each cut and kept.
pub(crate) async fn attached_to_a_function_that_loops_it_cuts_the_loop(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").visibility(Duration::from_secs(5)).create().await?;
    let plan = Plan { wait_ms: 50, ..Plan::forward(Send::queue(queue.url())) };
    let own = [(Plan::VARIABLE, plan.text()), (Witness::VARIABLE, bed.witness.address())];
    let mut function = bed.cloud.function("worker").code(runtime.clone()).timeout(Duration::from_secs(20));
    for (name, value) in &own {
        function = function.env(name, value);
    }
    let function = function.deploy().await?;
    function.consume(&queue).partial().create().await?;
    queue.send("keep me").await?;
    bed.witness.wait_for(20, SOON, |line| is_run(line, "worker")).await?;
    let unguarded = bed.runs("worker").len();
    assert!(bed.quarantine.peek().await?.is_empty(), "nothing guards it yet");

    let arn = bed.cloud.publish("hopguard", &layer()).await?;
    let mut variables: HashMap<_, _> = own.map(|(name, value)| (name.to_owned(), value)).into();
    for (name, value) in [
        ("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER),
        ("HOPGUARD_MAX_VISITS", "5"),
        ("HOPGUARD_QUARANTINE", bed.quarantine.url()),
    ] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    function.replace_layers(&[&arn]).await?;
    function.replace_environment(variables).await?;
    tripped(&bed, &function).await?;
    assert!(bed.runs("worker").len() >= unguarded, "it went on until then");
    let kept = bodies(&bed.quarantine.holds(1, SOON).await?);
    assert!(kept.iter().all(|body| body == "keep me"), "{kept:?}");
    Ok(())
}

/// Without the layer the function is what its author wrote.
pub(crate) async fn the_layer_changes_no_answer(runtime: &Runtime) -> Result<()> {
    let bed = Bed::start().await?;
    let plan = Plan::default();
    let with = layered(&bed, "with", runtime, &plan).deploy().await?;
    let without = bed.cloud.function("without").layered(Layer::none(), runtime.clone());
    let without = without.env(Plan::VARIABLE, plan.text()).env(Witness::VARIABLE, bed.witness.address());
    let without = without.deploy().await?;
    let event = json!({ "order": 1, "text": "\u{fc} \"quoted\" \\ ", "deep": [[[1.50]]] });
    let (a, b) = tokio::try_join!(with.invoke(&event), without.invoke(&event))?;
    assert_eq!((a.error, a.payload), (b.error, b.payload));
    let record = |name: &str| bed.runs(name)[0]["record"].clone();
    assert_eq!(record("with"), record("without"));
    assert_eq!(record("with"), event);
    Ok(())
}

/// Another layer's wrapper is called too, and sees the function's own variables.
pub(crate) async fn another_wrapper_is_called(probe: &Runtime) -> Result<()> {
    let layer = layer().with("testbed", &checkout("tests/tests/testbed/layer/testbed"));
    let environment = Environment::builder(layer, probe.clone())
        .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
        .env("HOPGUARD_NEXT_WRAPPER", "/opt/testbed/wrap")
        .start()
        .await?;
    let answer = environment.invoke(&json!({})).await?;
    assert_eq!(answer.error, None, "{}, {:#?}", answer.payload, environment.log()?);
    assert!(
        answer.payload["wrapped"].as_str().unwrap_or_default().starts_with("yes, with "),
        "{}",
        answer.payload
    );
    Ok(())
}

/// Where the extension is missing the function runs as it would without the layer, and the log says so once.
pub(crate) async fn without_the_extension_the_function_runs(probe: &Runtime) -> Result<()> {
    let layer = Layer::none().with("hopguard", &checkout("extension/layer"));
    let environment =
        Environment::builder(layer, probe.clone()).env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER).start().await?;
    for _ in 0..2 {
        let answer = environment.invoke(&json!({})).await?;
        assert_eq!(answer.error, None, "{}, {:#?}", answer.payload, environment.log()?);
    }
    let log = environment.shut_down().await?;
    let said = log.iter().filter(|line| line.contains("extension not found")).count();
    assert_eq!(said, 1, "{log:#?}");
    Ok(())
}

/// A function whose timeout comes, that fails and that exits behaves as without the layer, and the environment goes on.
pub(crate) async fn failures_come_through(probe: &Runtime, error: &str) -> Result<()> {
    let environment =
        Environment::builder(layer(), probe.clone()).env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER).start().await?;
    let failed = environment.invoke(&json!({ "do": "fail" })).await?;
    assert_eq!(
        (&failed.payload["errorType"], &failed.payload["errorMessage"]),
        (&json!(error), &json!("told to fail"))
    );
    let crashed = environment.invoke(&json!({ "do": "exit" })).await?;
    assert_eq!(crashed.payload["errorType"], "Runtime.ExitError", "{}", crashed.payload);
    let recovered = environment.invoke(&json!({})).await?;
    assert_eq!(recovered.error, None, "{}, {:#?}", recovered.payload, environment.log()?);
    Ok(())
}

//! Stacks with Python functions: what a template deploys really cuts a loop.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopguard_tests::{Cloud, Function, Plan, Queue, Runtime, Send, Stack, Witness, eventually, is_run};
use serde_json::{Value, json};

use crate::policy::{BUCKET, filled_for, statements};
use crate::template::{CODE, LAYER, artefacts, code_in, template};
use crate::tree::checkout;

/// An environment takes seconds to start on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// The example application on a cloud that authorises: its role has what the template gives it, and nothing else.
async fn example(loops: &str) -> Result<(Cloud, Stack, Function, tempfile::TempDir)> {
    let cloud = Cloud::builder().authorise(true).start().await?;
    let template = template("example");
    let folder = tempfile::tempdir()?;
    artefacts(&cloud, Some(code_in(&template, folder.path())?)).await?;
    let parameters = [
        ("LayerBucket", "artefacts"),
        ("LayerKey", LAYER),
        ("CodeBucket", "artefacts"),
        ("CodeKey", CODE),
        ("IUnderstandThisLoops", loops),
    ];
    // What is not said stays as the template has it.
    let said = if loops.is_empty() { &parameters[..4] } else { &parameters[..] };
    let stack = cloud.stack("example", &template, said).await?;
    let function = cloud.existing(stack.output("FunctionName")?).await?;
    Ok((cloud, stack, function, folder))
}

/// How often the handler of the example got a message.
async fn got(function: &Function) -> Result<usize> {
    Ok(function.logs().await?.iter().filter(|line| line.starts_with("got ")).count())
}

/// The statements of the policy `hopguard` that a function's role has.
async fn granted(cloud: &Cloud, function: &Function) -> Result<Vec<Value>> {
    let described = cloud.lambda().get_function_configuration().function_name(function.name()).send().await?;
    let role = described.role.context("no role")?;
    let name = role.rsplit('/').next().unwrap_or_default();
    Ok(statements(&cloud.role_policy(name, "hopguard").await?))
}

/// The statements of the files in `deploy/iam` for this function and queue.
fn of_files(files: &[&str], function: &Function, quarantine: &Queue) -> Vec<Value> {
    let filled = |file: &&str| statements(&filled_for(file, function.name(), quarantine.name()));
    files.iter().flat_map(filled).collect()
}

#[tokio::test]
async fn the_loop_of_the_example_is_cut() -> Result<()> {
    let (cloud, stack, function, _code) = example("yes").await?;
    let quarantine = cloud.queue_at(stack.output("QuarantineUrl")?);
    assert_eq!(granted(&cloud, &function).await?, of_files(&["trip", "quarantine"], &function, &quarantine));
    let queue = cloud.queue_at(stack.output("QueueUrl")?);
    queue.send("keep me").await?;
    let tripped = function.tripped(SOON).await;
    tripped.with_context(|| cloud.log().display().to_string())?;
    let kept = quarantine.holds(1, SOON).await?;
    assert_eq!((kept.len(), kept[0].body.as_str()), (1, "keep me"));
    eventually("nothing to go round any more", SOON, async || {
        Ok(queue.peek().await?.is_empty().then_some(()))
    })
    .await?;
    let prior = function.tags().await?.remove("hopguard:prior-concurrency");
    assert_eq!(prior.as_deref(), Some("unreserved"));
    // An invocation's log comes after its end.
    eventually("the log of five runs", SOON, async || Ok((got(&function).await? == 5).then_some(()))).await
}

#[tokio::test]
async fn the_example_loops_only_on_purpose() -> Result<()> {
    let (cloud, stack, function, _code) = example("").await?;
    let queue = cloud.queue_at(stack.output("QueueUrl")?);
    queue.send("once").await?;
    let done = async || Ok(queue.peek().await?.is_empty().then_some(()));
    eventually("the message to be done with", SOON, done).await?;
    // The cloud collects what a function prints by its invocations: one more brings the last lines of the first.
    function.invoke(&json!({ "Records": [] })).await?;
    eventually("the log of the run", SOON, async || Ok((got(&function).await? > 0).then_some(()))).await?;
    assert_eq!((got(&function).await?, function.reserved_concurrency().await?), (1, None));
    assert!(cloud.queue_at(stack.output("QuarantineUrl")?).peek().await?.is_empty());
    Ok(())
}

/// A function that somebody has, and that loops: the stack is put around it, its outputs are attached, and the loop is cut.
#[tokio::test]
async fn a_stack_around_a_function_that_exists() -> Result<()> {
    let cloud = Cloud::start().await?;
    let witness = Witness::start().await?;
    artefacts(&cloud, None).await?;
    let queue = cloud.queue("work").create().await?;
    let role = cloud.role("worker-role", &["sqs:*"]).await?;
    let plan = Plan { wait_ms: 50, ..Plan::forward(Send::queue(queue.url())) };
    let code = Runtime::Python { source: checkout("tests/functions/python/forward.py") };
    let variables = [(Plan::VARIABLE, plan.text()), (Witness::VARIABLE, witness.address())];
    let mut function = cloud.function("worker").code(code).role(&role).timeout(Duration::from_secs(20));
    for (name, value) in &variables {
        function = function.env(name, value);
    }
    let function = function.deploy().await?;
    let (topic, told) = (cloud.topic("alarms").await?, cloud.queue("told").create().await?);
    topic.subscribe_raw(&told).await?;

    let ledger = cloud.stack("ledger", &template("ledger"), &[]).await?;
    let ledger = cloud.ledger_of(ledger.output("TableName")?);
    let stack = cloud
        .stack(
            "guard",
            &template("guard"),
            &[
                ("FunctionName", "worker"),
                ("RoleName", "worker-role"),
                ("LayerBucket", "artefacts"),
                ("LayerKey", LAYER),
                ("ObjectsBucket", BUCKET),
                ("OnFailure", "queue"),
                ("Cooldown", "30m"),
                ("LedgerTable", ledger.name()),
                ("Metrics", "cloudwatch"),
                ("AlarmTopic", topic.arn()),
                ("Dashboard", "yes"),
            ],
        )
        .await?;
    let quarantine = cloud.queue_at(stack.output("QuarantineUrl")?);
    let layer = stack.output("LayerVersionArn")?;
    let mut granted = granted(&cloud, &function).await?;
    let destination = granted.pop().context("no statement")?;
    let attach = stack.output("Attach")?;
    assert!(attach.contains(layer) && attach.contains(quarantine.url()), "{attach}");
    let settings = attach.split(' ').filter(|word| word.starts_with("HOPGUARD_"));
    let settings: Vec<_> = settings.filter_map(|setting| setting.split_once('=')).collect();
    let [
        ("HOPGUARD_METRICS", "cloudwatch"),
        ("HOPGUARD_COOLDOWN", "30m"),
        ("HOPGUARD_COOLDOWN_ROLE", role),
        ("HOPGUARD_CHAIN_BUDGET", "1000"),
        ("HOPGUARD_LEDGER_TABLE", "hopguard-ledger"),
    ] = settings[..]
    else {
        anyhow::bail!("not what was asked for: {attach}")
    };
    let mut files =
        of_files(&["trip", "quarantine", "objects", "metrics", "cooldown", "ledger"], &function, &quarantine);
    // The role has a name of the stack's.
    let passed = files.iter_mut().find(|statement| statement["Action"] == "iam:PassRole");
    passed.context("no role is passed on")?["Resource"] = json!(role);
    assert_eq!(granted, files);
    let restores = cloud.role_policy(role.rsplit('/').next().unwrap_or_default(), "restore").await?;
    assert_eq!(statements(&restores), of_files(&["cooldown-role"], &function, &quarantine));
    let configured = cloud
        .lambda()
        .get_function_event_invoke_config()
        .function_name("worker")
        .qualifier("$LATEST")
        .send()
        .await?;
    let on_failure =
        configured.destination_config.and_then(|config| config.on_failure).context("no destination")?;
    assert_eq!(destination["Resource"], json!(on_failure.destination));
    let types = stack.resource_types().await?;
    let alarms = types.iter().filter(|kind| *kind == "AWS::CloudWatch::Alarm").count();
    assert!(alarms >= 4 && types.iter().any(|kind| kind == "AWS::CloudWatch::Dashboard"), "{types:?}");

    let mut variables: HashMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value)).into();
    for (name, value) in [
        ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/hopguard/wrap"),
        ("HOPGUARD_MAX_VISITS", "5"),
        ("HOPGUARD_QUARANTINE", quarantine.url()),
        ("HOPGUARD_FLUSH_INTERVAL", "0ms"),
    ]
    .into_iter()
    .chain(settings)
    {
        variables.insert(name.to_owned(), value.to_owned());
    }
    function.replace_layers(&[layer]).await?;
    function.replace_environment(variables).await?;
    function.consume(&queue).partial().create().await?;
    queue.send("keep me").await?;
    function.tripped(SOON).await?;
    assert_eq!(quarantine.holds(1, SOON).await?[0].body, "keep me");
    assert_eq!(witness.count(|line| is_run(line, "worker")), 5);
    assert_eq!(ledger.counts().await?.into_values().collect::<Vec<_>>(), [4], "the root is not counted");
    let scheduled = async || Ok(cloud.schedules().await?.pop());
    let schedule = eventually("the end of the trip to be scheduled", SOON, scheduled).await?;
    assert_eq!(schedule.target()["RoleArn"], role);
    eventually("the alarms to tell of it", SOON, async || {
        let told = told.peek().await?;
        let of = |name: &str| told.iter().any(|message| message.body.contains(name));
        Ok((of("worker-HopguardTripped") && of("worker-HopguardBlocked")).then_some(()))
    })
    .await?;
    schedule.make_due().await?;
    let restored = async || Ok(function.reserved_concurrency().await?.is_none().then_some(()));
    eventually("the function to be resumed by its cooldown", SOON, restored).await
}

//! What holds for a function with a layer, whatever its language.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopguard_tests::{
    Cloud, Draft, FunctionBuilder, Layer, Plan, Runtime, Send, Witness, eventually, is_run,
};
use serde_json::{Value, json};

/// An environment takes about a second to start, and longer where others start too.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// What is sent on.
const ORDER: &str = r#"{"order":1}"#;

/// A language: its probe, and its function that does what a plan says.
pub(crate) struct Language {
    pub(crate) probe: Runtime,
    pub(crate) forward: Runtime,
    /// What Lambda calls its runtime, without the version.
    pub(crate) runtime: &'static str,
    /// What its runtime calls the probe's own error.
    pub(crate) error: &'static str,
}

/// The layer of these tests: an extension that tells what it hears, and a wrapper.
pub(crate) fn layer() -> Layer {
    Layer::at(&file("tests/testbed/layer"))
}

pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What an environment finds in its /tmp: nothing, or the way to this checkout where it is below /tmp.
fn own_tmp() -> Vec<String> {
    let below = Path::new(env!("CARGO_MANIFEST_DIR")).strip_prefix("/tmp").ok();
    let first = below.and_then(|path| path.components().next());
    first.map(|part| part.as_os_str().to_string_lossy().into_owned()).into_iter().collect()
}

fn layered<'a>(cloud: &'a Cloud, name: &str, runtime: &Runtime) -> FunctionBuilder<'a> {
    let function = cloud.function(name).layered(layer(), runtime.clone());
    function.env("AWS_LAMBDA_EXEC_WRAPPER", "/opt/testbed/wrap")
}

fn planned<'a>(
    cloud: &'a Cloud,
    witness: &Witness,
    name: &str,
    runtime: &Runtime,
    plan: &Plan,
) -> FunctionBuilder<'a> {
    let function = layered(cloud, name, runtime);
    function.env(Plan::VARIABLE, plan.text()).env(Witness::VARIABLE, witness.address())
}

/// The file systems of the environments that these answers of a probe came from.
fn walls(answers: &[&Value]) -> Vec<PathBuf> {
    let of = |answer: &&Value| fs::read_link(format!("/proc/{}/ns/mnt", answer["process"])).unwrap();
    answers.iter().map(of).collect()
}

/// How many processes see one of these file systems.
fn inside(walls: &[PathBuf]) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let own = processes.filter_map(|process| fs::read_link(process.path().join("ns/mnt")).ok());
    own.filter(|own| walls.contains(own)).count()
}

async fn ended(walls: &[PathBuf]) -> Result<()> {
    eventually(
        "every process of an environment to end",
        SOON,
        async || Ok((inside(walls) == 0).then_some(())),
    )
    .await
}

impl Language {
    pub(crate) async fn invocations_run_inside_with_the_layer(&self) -> Result<()> {
        let cloud = Cloud::start().await?;
        let function = layered(&cloud, "probe", &self.probe).deploy().await?;
        let answer = function.invoke(&json!({})).await?;
        assert_eq!(answer.error, None, "{:?}", function.logs().await?);
        let told = answer.payload;
        assert_eq!(told["arn"], function.arn(), "the emulator's own account is replaced");
        assert!(told["wrapped"].as_str().unwrap_or_default().starts_with("yes, with "), "{told}");
        assert_eq!((&told["opt"], &told["tmp"]), (&json!(["extensions", "testbed"]), &json!(own_tmp())));
        assert_eq!(told["code_is_read_only"], true);
        assert!(told["runtime"].as_str().unwrap_or_default().starts_with(self.runtime), "{told}");
        assert!((1..=30_000).contains(&told["left_ms"].as_u64().unwrap()), "{told}");

        let request = told["request"].as_str().context("no request id")?;
        let logs = eventually("the invocation's log", SOON, async || {
            let logs = function.logs().await?;
            Ok(logs.iter().any(|line| line.contains("probe ran")).then_some(logs))
        })
        .await?;
        let line = |parts: &[&str]| logs.iter().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(line(&["extension: registered", &cloud.endpoint()]), "{logs:#?}");
        assert!(line(&["extension: ", "\"INVOKE\"", request]), "{logs:#?}");
        Ok(())
    }

    /// What a function's configuration says of layers and wrapper is so in the next environment.
    pub(crate) async fn layers_are_those_of_the_configuration(&self) -> Result<()> {
        let cloud = Cloud::start().await?;
        let function = cloud.function("probe").code(self.probe.clone()).deploy().await?;
        let plain = function.invoke(&json!({})).await?.payload;
        assert_eq!((&plain["opt"], &plain["wrapped"]), (&json!([]), &json!(null)), "{plain}");
        let described = cloud.lambda().get_function_configuration().function_name("probe").send().await?;
        let runtime = format!("AWS_Lambda_{}", described.runtime.context("no runtime")?);
        assert_eq!(plain["runtime"], runtime, "the function is described with the runtime of its code");
        assert!(runtime.starts_with(self.runtime), "{runtime}");

        let first = cloud.publish("first", &layer()).await?;
        let second = Layer::none()
            .with("testbed/wrap", &file("tests/testbed/wrap_again"))
            .with("second/probe", &file("tests/testbed/probe"));
        let second = cloud.publish("second", &second).await?;
        assert_eq!(second, "arn:aws:lambda:us-east-1:000000000000:layer:second:1");
        let wrapper = ("AWS_LAMBDA_EXEC_WRAPPER".to_owned(), "/opt/testbed/wrap".to_owned());
        function.replace_environment(HashMap::from([wrapper])).await?;
        function.replace_layers(&[&first]).await?;
        let one = function.invoke(&json!({})).await?.payload;
        assert_eq!(one["opt"], json!(["extensions", "testbed"]), "{one}");
        assert!(one["wrapped"].as_str().unwrap_or_default().starts_with("yes, with "), "{one}");

        function.replace_layers(&[&first, &second]).await?;
        let both = function.invoke(&json!({})).await?.payload;
        assert_eq!(both["opt"], json!(["extensions", "second", "testbed"]), "{both}");
        assert_eq!(both["wrapped"], "again", "the later layer's file is over the earlier one's");

        function.replace_layers(&[]).await?;
        function.replace_environment(HashMap::new()).await?;
        let none = function.invoke(&json!({})).await?.payload;
        assert_eq!((&none["opt"], &none["wrapped"]), (&json!([]), &json!(null)), "{none}");
        Ok(())
    }

    pub(crate) async fn errors_come_through(&self) -> Result<()> {
        let cloud = Cloud::start().await?;
        let function = layered(&cloud, "probe", &self.probe).timeout(Duration::from_secs(4)).deploy().await?;
        let failed = function.invoke(&json!({"do": "fail"})).await?;
        assert!(failed.error.is_some());
        assert_eq!(
            (&failed.payload["errorType"], &failed.payload["errorMessage"]),
            (&json!(self.error), &json!("told to fail"))
        );
        let crashed = function.invoke(&json!({"do": "exit"})).await?;
        assert!(crashed.error.is_some());
        assert_eq!(crashed.payload["errorType"], "Runtime.ExitError");
        let late = function.invoke(&json!({"wait_ms": 20_000})).await?;
        assert_eq!(late.payload["errorType"], "Sandbox.Timedout", "{}", late.payload);
        let recovered = function.invoke(&json!({})).await?;
        assert_eq!(recovered.error, None, "{}", recovered.payload);
        Ok(())
    }

    pub(crate) async fn records_are_forwarded(&self, variables: &[(&str, &str)]) -> Result<()> {
        let cloud = Cloud::start().await?;
        let witness = Witness::start().await?;
        let (from, to) = tokio::try_join!(cloud.queue("from").create(), cloud.queue("to").create())?;
        let (topic, bucket) = tokio::try_join!(cloud.topic("news"), cloud.bucket("objects"))?;
        let heard = cloud.queue("heard").create().await?;
        topic.subscribe_raw(&heard).await?;
        let sends = vec![
            Send::Queue { url: to.url().to_owned(), copies: 2, batch: true },
            Send::topic(topic.arn()),
            Send::Object { bucket: bucket.name().to_owned(), prefix: "out/".to_owned() },
            Send::Invoke { function: "sink".to_owned(), synchronous: true },
            Send::Bus { bus: "default".to_owned() },
        ];
        let plan = Plan { each: true, sends, ..Plan::default() };
        let mut function = planned(&cloud, &witness, "forward", &self.forward, &plan);
        for (name, value) in variables {
            function = function.env(name, *value);
        }
        let sink = planned(&cloud, &witness, "sink", &self.forward, &Plan::default());
        let (function, _) = tokio::try_join!(function.deploy(), sink.deploy())?;
        function.consume(&from).partial().create().await?;

        from.send(Draft::new(ORDER).attribute("colour", "red")).await?;
        witness.wait_for(1, SOON, |line| is_run(line, "sink")).await?;
        let runs = witness.lines();
        assert_eq!(
            (&runs[0]["source"], &runs[0]["attempt"], &runs[0]["text"]),
            (&json!("sqs"), &json!(1), &json!(ORDER))
        );
        assert_eq!(runs[0]["record"]["messageAttributes"]["colour"]["stringValue"], "red");
        assert_eq!((&runs[1]["source"], &runs[1]["text"]), (&json!("invoke"), &json!(ORDER)));
        assert_eq!(to.holds(2, SOON).await?[0].body, ORDER);
        assert_eq!(heard.holds(1, SOON).await?[0].body, ORDER);
        eventually("the object", SOON, async || {
            Ok(bucket.keys().await?.iter().any(|key| key.starts_with("out/forward-")).then_some(()))
        })
        .await?;
        // The event to the bus is the last: the message goes when it has been accepted.
        eventually("the message to be done with", SOON, async || {
            Ok(from.peek().await?.is_empty().then_some(()))
        })
        .await?;
        assert_eq!(witness.lines().len(), 2, "nothing was repeated");
        Ok(())
    }

    pub(crate) async fn a_loop_runs(&self) -> Result<()> {
        const HOPS: usize = 25;
        let cloud = Cloud::start().await?;
        let witness = Witness::start().await?;
        let queue = cloud.queue("loop").create().await?;
        let plan = Plan::forward(Send::queue(queue.url()));
        let function = planned(&cloud, &witness, "loop", &self.forward, &plan).deploy().await?;
        function.consume(&queue).partial().create().await?;
        queue.send("go").await?;
        witness.wait_for(HOPS, SOON, |line| is_run(line, "loop")).await?;
        function.reserve_concurrency(Some(0)).await
    }

    pub(crate) async fn each_invocation_has_its_own_and_nothing_outlives_the_cloud(&self) -> Result<()> {
        let cloud = Cloud::start().await?;
        let function = layered(&cloud, "probe", &self.probe).deploy().await?;
        let event = json!({"wait_ms": 1500});
        let (one, two) = tokio::try_join!(function.invoke(&event), function.invoke(&event))?;
        assert_eq!((&one.error, &two.error), (&None, &None));
        let (one, two) = (&one.payload, &two.payload);
        assert_ne!(one["process"], two["process"], "each has an environment of its own");
        let walls_of_two = walls(&[one, two]);
        assert_ne!(walls_of_two[0], walls_of_two[1]);
        // In each: the program `environment`, the emulator, the extension and the runtime.
        assert!(inside(&walls_of_two) >= 8, "{walls_of_two:?}");
        function.replace_environment(HashMap::new()).await?;
        ended(&walls_of_two).await.context("the function was changed")?;

        let last = function.invoke(&json!({})).await?.payload;
        let walls_of_last = walls(&[&last]);
        assert!(inside(&walls_of_last) >= 4, "{walls_of_last:?}");
        drop(cloud);
        ended(&walls_of_last).await.context("the cloud is gone")
    }
}

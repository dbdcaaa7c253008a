//! Python functions with a layer.

use std::time::{Duration, Instant};

use anyhow::Result;
use hopguard_tests::{Environment, Invocation, Runtime};
use serde_json::json;

use crate::layered::{Language, file, layer};

fn language() -> Language {
    Language {
        probe: Runtime::Python { source: file("tests/testbed/probe/probe.py") },
        forward: Runtime::Python { source: file("functions/python/forward.py") },
        runtime: "AWS_Lambda_python3.",
        error: "ValueError",
    }
}

#[tokio::test]
async fn invocations_run_inside_with_the_layer() -> Result<()> {
    language().invocations_run_inside_with_the_layer().await
}

#[tokio::test]
async fn layers_are_those_of_the_configuration() -> Result<()> {
    language().layers_are_those_of_the_configuration().await
}

#[tokio::test]
async fn errors_come_through() -> Result<()> {
    language().errors_come_through().await
}

#[tokio::test]
async fn records_are_forwarded() -> Result<()> {
    language().records_are_forwarded(&[]).await
}

#[tokio::test]
async fn records_are_forwarded_by_asynchronous_clients() -> Result<()> {
    language().records_are_forwarded(&[("CLIENT", "aiobotocore")]).await
}

#[tokio::test]
async fn a_loop_runs() -> Result<()> {
    language().a_loop_runs().await
}

#[tokio::test]
async fn each_invocation_has_its_own_and_nothing_outlives_the_cloud() -> Result<()> {
    language().each_invocation_has_its_own_and_nothing_outlives_the_cloud().await
}

#[tokio::test]
async fn what_comes_with_an_invocation_reaches_the_handler() -> Result<()> {
    let environment = Environment::builder(layer(), language().probe).name("orders").start().await?;
    // {"custom":{"colour":"red"},"client":{},"env":{}}
    let context = "eyJjdXN0b20iOnsiY29sb3VyIjoicmVkIn0sImNsaWVudCI6e30sImVudiI6e319";
    let request = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
    let invocation = Invocation::new("{}").request_id(request).client_context(context);
    let told = environment.invoke(invocation).await?.payload;
    assert_eq!((&told["custom"], &told["request"]), (&json!({"colour": "red"}), &json!(request)));
    assert_eq!(told["arn"], "arn:aws:lambda:us-east-1:000000000000:function:orders");
    assert_eq!(told["wrapped"], json!(null), "no wrapper was named");
    Ok(())
}

#[tokio::test]
async fn managed_instances_take_several_invocations_at_once() -> Result<()> {
    let environment = Environment::builder(layer(), language().probe).concurrency(3).start().await?;
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let event = json!({"wait_ms": 1000});
    // The runtime starts with the environment, and is not waited for.
    let first = environment.invoke(&json!({})).await?;
    assert_eq!(first.error, None, "{}", first.payload);
    assert_eq!(first.payload["arn"], "arn:aws:lambda:us-east-1:000000000000:function:function");
    let started = Instant::now();
    let invocation = || environment.invoke(Invocation::from(&event).trace_header(trace));
    let answers = tokio::try_join!(invocation(), invocation(), invocation())?;
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    for answer in [&answers.0, &answers.1, &answers.2] {
        assert_eq!((&answer.error, &answer.payload["trace"]), (&None, &json!(trace)), "{}", answer.payload);
    }
    let failed = environment.invoke(&json!({"do": "fail"})).await?;
    assert!(failed.error.is_some());
    assert_eq!(failed.payload["errorType"], "ValueError");

    let log = environment.shut_down().await?;
    let said = |text: &str| log.iter().any(|line| line.starts_with("extension: ") && line.contains(text));
    assert!(said("registered, user 993"), "{log:#?}");
    assert!(said("SHUTDOWN") && !said("INVOKE"), "{log:#?}");
    Ok(())
}

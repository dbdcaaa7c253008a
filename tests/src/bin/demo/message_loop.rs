//! The first scene: two functions feed each other through SQS.

use std::time::Duration;

use anyhow::Result;

use crate::{
    event::{Event, Scene},
    stage::{MAX_VISITS, Stage},
    watch::Watch,
};

pub(crate) const BODY: &str = "{\"order\":1001}";
const SCENE: Scene = Scene::Messages;

/// What the loop did with the guard, for comparison.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) watched: Duration,
    pub(crate) invocations: u64,
}

pub(crate) async fn play(stage: &mut Stage<'_>) -> Result<Guarded> {
    stage.teller.tell(&Event::SceneStarted { scene: SCENE })?;
    stage.teller.wait_for("deploying two functions");
    let orders = stage.cloud.queue("orders").create().await?;
    let invoices = stage.cloud.queue("invoices").create().await?;
    let quarantine = stage.cloud.queue("quarantine").create().await?;
    let order = stage.guarded("order", "sqs", &quarantine)?.env("NEXT_QUEUE_URL", invoices.url());
    let invoice = stage.guarded("invoice", "sqs", &quarantine)?.env("NEXT_QUEUE_URL", orders.url());
    let (order, invoice) = tokio::try_join!(order.deploy(), invoice.deploy())?;
    order.consume(&orders).create().await?;
    invoice.consume(&invoices).create().await?;

    let mut watch = Watch::start(SCENE, &[&order, &invoice]);
    stage.teller.wait_for("one message to orders; waiting for the first hop");
    orders.send(BODY).await?;
    watch.follow(stage.teller).await?;

    stage.runs(SCENE, &watch)?;
    let path: Vec<_> = watch.seen.runs.iter().map(|(_, place)| (place.hop, place.visits)).collect();
    let expected: Vec<_> = (0..2 * MAX_VISITS).map(|hop| (hop, hop / 2 + 1)).collect();
    stage.check(SCENE, "hops and visits on the path", &expected, &path)?;
    let blocked: Vec<_> =
        watch.seen.blocked.iter().map(|(name, place)| (name.as_str(), place.hop, place.visits)).collect();
    stage.check(SCENE, "the blocked record", &vec![("order", 2 * MAX_VISITS, MAX_VISITS + 1)], &blocked)?;
    stage.check(SCENE, "errors but the trip", &Vec::new(), &watch.seen.trouble)?;
    // Counted by Lambda's own log, not by hopguard's: the handler's runs and the one that was blocked.
    let invocations = [invocations(&order).await?, invocations(&invoice).await?];
    stage.check(SCENE, "invocations of both functions", &[MAX_VISITS + 1, MAX_VISITS], &invocations)?;

    stage.reserved(SCENE, &order, Some(0)).await?;
    // It was at its fifth visit when the path ended: nothing of it was blocked.
    stage.reserved(SCENE, &invoice, None).await?;
    stage.tags(SCENE, &order).await?;
    let bodies: Vec<_> = quarantine.peek().await?.into_iter().map(|message| message.body).collect();
    for body in &bodies {
        stage.teller.tell(&Event::Quarantined { scene: SCENE, body: body.clone(), object: None })?;
    }
    stage.check(SCENE, "bodies in quarantine", &vec![BODY.to_owned()], &bodies)?;
    let left = [orders.peek().await?.len(), invoices.peek().await?.len()];
    stage.check(SCENE, "messages left in both queues", &[0, 0], &left)?;
    Ok(Guarded { watched: watch.seen.watched, invocations: invocations.iter().sum() })
}

async fn invocations(function: &hopguard_tests::Function) -> Result<u64> {
    let starts = function.logs().await?.into_iter().filter(|line| line.starts_with("START ")).count();
    Ok(u64::try_from(starts)?)
}

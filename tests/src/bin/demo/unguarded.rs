//! The fourth scene: the first loop again, without the guard, for as many seconds.

use std::path::Path;

use anyhow::Result;
use hopguard_tests::{Plan, Send, Witness};
use tokio::time::{Instant, sleep_until};

use crate::{
    event::{Event, Scene},
    message_loop::{BODY, Guarded},
    stage::Stage,
};

const SCENE: Scene = Scene::Unguarded;

pub(crate) async fn play(stage: &mut Stage<'_>, guarded: &Guarded) -> Result<()> {
    stage.teller.tell(&Event::SceneStarted { scene: SCENE })?;
    stage.teller.wait_for("deploying two functions");
    let witness = Witness::start().await?;
    let orders = stage.cloud.queue("orders").create().await?;
    let invoices = stage.cloud.queue("invoices").create().await?;
    let deploy = async |name: &str, next: &str| {
        let plan = Plan { unguarded: true, sends: vec![Send::queue(next)], ..Plan::default() };
        let function = stage.function(name, Path::new("function"))?;
        let function = function.env(Plan::VARIABLE, plan.text()).env(Witness::VARIABLE, witness.address());
        function.deploy().await
    };
    let (order, invoice) =
        tokio::try_join!(deploy("order", invoices.url()), deploy("invoice", orders.url()))?;
    order.consume(&orders).create().await?;
    invoice.consume(&invoices).create().await?;

    let end = Instant::now() + guarded.watched;
    stage
        .teller
        .wait_for(&format!("one message to orders; counting for {:.1} s", guarded.watched.as_secs_f64()));
    orders.send(BODY).await?;
    sleep_until(end).await;
    let invocations =
        u64::try_from(witness.count(|line| line.get("kind").is_some_and(|kind| kind == "run")))?;
    // The remedy by hand, which the console calls Throttle.
    tokio::try_join!(order.reserve_concurrency(Some(0)), invoice.reserve_concurrency(Some(0)))?;

    let watched_s = guarded.watched.as_secs_f64();
    let per_hour = invocations as f64 / watched_s * 3_600.0;
    let guarded_invocations = guarded.invocations;
    let per_hour = per_hour as u64;
    stage.teller.tell(&Event::Unguarded {
        scene: SCENE,
        watched_s,
        invocations,
        per_hour,
        guarded_invocations,
    })?;
    stage.check(SCENE, "that more ran without the guard", &true, &(invocations > guarded.invocations))
}

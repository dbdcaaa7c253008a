//! The second scene: a function writes into the bucket that triggers it.

use anyhow::Result;
use serde_json::Value;

use crate::{
    event::{Event, Scene},
    stage::{MAX_VISITS, Stage},
    watch::Watch,
};

const SCENE: Scene = Scene::Objects;

pub(crate) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    stage.teller.tell(&Event::SceneStarted { scene: SCENE })?;
    stage.teller.wait_for("deploying the function");
    let photos = stage.cloud.bucket("photos").await?;
    let quarantine = stage.cloud.queue("photos-quarantine").create().await?;
    let thumbnail =
        stage.guarded("thumbnail", "s3", &quarantine)?.env("BUCKET", photos.name()).deploy().await?;
    photos.notify(&thumbnail, "").await?;

    let mut watch = Watch::start(SCENE, &[&thumbnail]);
    stage.teller.wait_for("one object to photos; waiting for the first hop");
    photos.put("in/holiday.jpg", b"a photo", &[]).await?;
    watch.follow(stage.teller).await?;

    let runs = watch.runs();
    let (watched_s, last_at_s) = (watch.seen.watched.as_secs_f64(), watch.seen.last_run_s);
    stage.teller.tell(&Event::Runs { scene: SCENE, watched_s, last_at_s, runs: runs.clone() })?;
    stage.check(SCENE, "runs of thumbnail", &Some(&MAX_VISITS), &runs.get("thumbnail"))?;
    let path: Vec<_> = watch.seen.runs.iter().map(|(_, place)| (place.hop, place.visits)).collect();
    stage.check(
        SCENE,
        "hops and visits on the path",
        &(0..MAX_VISITS).map(|hop| (hop, hop + 1)).collect(),
        &path,
    )?;
    let blocked: Vec<_> = watch.seen.blocked.iter().map(|(_, place)| (place.hop, place.visits)).collect();
    stage.check(SCENE, "the blocked record", &vec![(MAX_VISITS, MAX_VISITS + 1)], &blocked)?;
    stage.check(SCENE, "errors but the trip", &Vec::new(), &watch.seen.trouble)?;

    let keys = photos.keys().await?;
    // Counted by the bucket, not by hopguard: each run wrote one object.
    let written = u64::try_from(keys.iter().filter(|key| key.starts_with("out/")).count())?;
    let first = u64::try_from(keys.len())?.saturating_sub(written);
    stage.teller.tell(&Event::Objects { scene: SCENE, first, written })?;
    stage.check(SCENE, "objects in the bucket", &(1, MAX_VISITS), &(first, written))?;

    let reserved = stage.reserved(SCENE, &[&thumbnail]).await?;
    stage.check(SCENE, "reserved concurrency of thumbnail", &Some(&Some(0)), &reserved.get("thumbnail"))?;
    stage.tags(SCENE, &thumbnail).await?;
    let held = quarantine.peek().await?;
    let bodies: Vec<_> = held.iter().map(|message| message.body.clone()).collect();
    stage.teller.tell(&Event::Quarantine { scene: SCENE, bodies })?;
    let named: Vec<_> = held
        .iter()
        .map(|message| message.json().map(|body| names_written(&body, &keys)).unwrap_or_default())
        .collect();
    stage.check(SCENE, "notifications in quarantine that name a written object", &vec![true], &named)
}

/// Whether a notification is about one of the objects that the function wrote.
fn names_written(body: &Value, keys: &[String]) -> bool {
    let key = body.pointer("/Records/0/s3/object/key").and_then(Value::as_str).unwrap_or_default();
    // Keys are URL-encoded in a notification.
    let key = key.replace("%2F", "/");
    key.starts_with("out/") && keys.contains(&key)
}

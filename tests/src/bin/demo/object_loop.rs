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

    stage.runs(SCENE, &watch)?;
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

    stage.reserved(SCENE, &thumbnail, Some(0)).await?;
    stage.tags(SCENE, &thumbnail).await?;
    let mut objects = Vec::new();
    for message in quarantine.peek().await? {
        let object = message.json().ok().and_then(|body| object(&body));
        objects.push(object.clone());
        stage.teller.tell(&Event::Quarantined { scene: SCENE, body: message.body, object })?;
    }
    let written = |key: &String| key.starts_with("out/") && keys.contains(key);
    let named: Vec<_> = objects.iter().map(|object| object.as_ref().is_some_and(written)).collect();
    stage.check(SCENE, "notifications in quarantine that name a written object", &vec![true], &named)
}

/// The key of the object that a notification is about.
fn object(body: &Value) -> Option<String> {
    let key = body.pointer("/Records/0/s3/object/key")?.as_str()?;
    // Keys are URL-encoded in a notification.
    Some(key.replace("%2F", "/"))
}

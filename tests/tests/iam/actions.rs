//! One action less: what is missed, as `docs/permissions.md` says it.

use anyhow::{Context as _, Result};
use hopguard_tests::{Draft, Function, Plan, eventually};
use serde_json::json;

use crate::bed::{SOON, bodies, logged, token};
use crate::policy::{self, BUCKET, COOLDOWN, FUNCTION, LEDGER, ROLE, filled, shipped};
use crate::rig::Rig;

/// A test for each action, named after it, that fails where a policy has it all the same.
macro_rules! without {
    ($($name:ident: $action:literal => $test:path;)*) => {
        $(#[tokio::test]
        async fn $name() -> Result<()> {
            $test($action).await
        })*
        const PROVEN: &[&str] = &[$($action),*];
    };
}

without! {
    without_get_function_concurrency: "lambda:GetFunctionConcurrency" => the_prior_value_is_unknown;
    without_list_tags: "lambda:ListTags" => no_unknown_value_is_tagged;
    without_put_function_concurrency: "lambda:PutFunctionConcurrency" => no_trip;
    without_tag_resource: "lambda:TagResource" => the_log_alone_has_the_prior_value;
    without_get_function_event_invoke_config: "lambda:GetFunctionEventInvokeConfig" => it_is_not_known_what_is_lost;
    without_get_function_configuration: "lambda:GetFunctionConfiguration" => it_is_not_known_what_is_lost;
    without_list_event_source_mappings: "lambda:ListEventSourceMappings" => the_batch_fails_whole;
    without_send_message: "sqs:SendMessage" => the_record_stays_with_its_source;
    without_create_schedule: "scheduler:CreateSchedule" => the_trip_does_not_end_by_itself;
    without_update_schedule: "scheduler:UpdateSchedule" => the_trip_does_not_end_by_itself;
    without_update_item: "dynamodb:UpdateItem" => the_chain_has_no_budget;
    without_get_object: "s3:GetObject" => an_object_starts_a_new_chain;
    without_get_object_version: "s3:GetObjectVersion" => a_version_starts_a_new_chain;
}

/// What ministack cannot show: it neither encrypts a queue, nor tells of an object that is gone only to whom may list its bucket, nor
/// asks who may pass a role on. PutMetricData is proven with the layer, in `python.rs`.
const ELSEWHERE: [&str; 5] =
    ["cloudwatch:PutMetricData", "iam:PassRole", "kms:Decrypt", "kms:GenerateDataKey", "s3:ListBucket"];

#[test]
fn every_action_has_its_test() {
    let mut shipped: Vec<_> = ROLE.iter().flat_map(|file| policy::actions(&shipped(file))).collect();
    shipped.sort_unstable();
    let mut tested: Vec<_> = PROVEN.iter().chain(&ELSEWHERE).map(|action| (*action).to_owned()).collect();
    tested.sort_unstable();
    assert_eq!(shipped, tested);
}

const TRIP: [&str; 2] = ["trip", "quarantine"];

/// A function with a reserved concurrency of 3 gets a message that it has seen five times: it is blocked.
async fn blocked(missing: &[&str]) -> Result<(Rig, Function)> {
    block(Rig::start(&TRIP, missing).await?, Some(3), &[]).await
}

/// The same with a cooldown of a minute, which the schedule ends by a role with these actions.
async fn cooling(missing: &[&str], reserved: Option<i32>, may: &str) -> Result<(Rig, Function)> {
    let rig = Rig::start(&["trip", "quarantine", "cooldown"], missing).await?;
    let restores = policy::without(&filled("cooldown-role"), may).map(|policy| ("restore", policy));
    let role = rig.bed.cloud.role_with(COOLDOWN, &restores.into_iter().collect::<Vec<_>>()).await?;
    let variables = [("HOPGUARD_COOLDOWN", "1m"), ("HOPGUARD_COOLDOWN_ROLE", &role)];
    block(rig, reserved, &variables).await
}

async fn block(rig: Rig, reserved: Option<i32>, variables: &[(&str, &str)]) -> Result<(Rig, Function)> {
    let plan = Plan { each: true, ..Plan::default() };
    let mut function = rig.bed.function(FUNCTION, &plan).role(&rig.role);
    for (name, value) in variables {
        function = function.env(name, *value);
    }
    let function = function.deploy().await?;
    if reserved.is_some() {
        function.reserve_concurrency(reserved).await?;
    }
    rig.queue.send(looping(&function)).await?;
    function.consume(&rig.queue).partial().create().await?;
    rig.bed.ended(1, FUNCTION).await?;
    Ok((rig, function))
}

fn looping(function: &Function) -> Draft {
    Draft::new("keep me").attribute("hopguard", token(function, 5, 1))
}

async fn prior(function: &Function) -> Result<Option<String>> {
    let tags = function.tags().await?;
    assert!(tags.contains_key("hopguard:tripped-at"), "{tags:?}");
    Ok(tags.get("hopguard:prior-concurrency").cloned())
}

/// With all of them it is as it should be: what each test below misses.
#[tokio::test]
async fn with_every_action() -> Result<()> {
    let (rig, function) = blocked(&[]).await?;
    assert_eq!(function.reserved_concurrency().await?, Some(0));
    assert_eq!(prior(&function).await?.as_deref(), Some("3"));
    assert_eq!(bodies(&rig.bed.quarantine.peek().await?), ["keep me"]);
    // It is deleted when the answer is out, and the witness knows of the invocation before.
    let taken = async || Ok(rig.queue.peek().await?.is_empty().then_some(()));
    eventually("the message is taken from its queue", SOON, taken).await?;
    for complaint in ["missing", "trip incomplete", "not quarantined", "not known"] {
        assert!(!rig.bed.log(&function).await.contains(complaint), "{}", rig.bed.log(&function).await);
    }
    Ok(())
}

/// A cooldown with all of them, by which either way of restoring works, and neither without its own action.
#[tokio::test]
async fn a_schedule_restores_by_its_role() -> Result<()> {
    for (reserved, action) in
        [(Some(3), "lambda:PutFunctionConcurrency"), (None, "lambda:DeleteFunctionConcurrency")]
    {
        for (missing, expected) in [("", reserved), (action, Some(0))] {
            let (rig, function) = cooling(&[], reserved, missing).await?;
            let log = rig.bed.log(&function).await;
            assert!(!log.contains("trip incomplete"), "{log}");
            rig.bed.cloud.schedules().await?.first().context("no schedule")?.make_due().await?;
            let done = async || Ok(rig.bed.cloud.schedules().await?.is_empty().then_some(()));
            eventually("the schedule to have done its work", SOON, done).await?;
            assert_eq!(function.reserved_concurrency().await?, expected, "without {missing:?}");
        }
    }
    Ok(())
}

/// A message whose chain has had two invocations, and whose budget that was, is blocked where the ledger can be asked.
async fn budgeted(missing: &[&str]) -> Result<(Rig, Function)> {
    let rig = Rig::start(&["trip", "quarantine", "ledger"], missing).await?;
    let table = rig.bed.cloud.ledger(LEDGER).await?;
    let variables = [("HOPGUARD_CHAIN_BUDGET", "2"), ("HOPGUARD_LEDGER_TABLE", table.name())];
    let plan = Plan { each: true, ..Plan::default() };
    let mut function = rig.bed.function(FUNCTION, &plan).role(&rig.role);
    for (name, value) in variables {
        function = function.env(name, value);
    }
    let function = function.deploy().await?;
    function.consume(&rig.queue).batch_size(1).partial().create().await?;
    for _ in 0..2 {
        rig.queue.send(Draft::new("keep me").attribute("hopguard", token(&function, 1, 1))).await?;
    }
    rig.bed.ended(2, FUNCTION).await?;
    Ok((rig, function))
}

#[tokio::test]
async fn a_budget_with_every_action() -> Result<()> {
    let (rig, function) = budgeted(&[]).await?;
    assert_eq!(rig.bed.runs(FUNCTION).len(), 1, "the root is one of two");
    assert_eq!(bodies(&rig.bed.quarantine.holds(1, SOON).await?), ["keep me"]);
    assert!(!rig.bed.log(&function).await.contains("not counted"));
    Ok(())
}

async fn the_chain_has_no_budget(action: &str) -> Result<()> {
    let (rig, function) = budgeted(&[action]).await?;
    let warned = logged(&function, "chain not counted: its records are let in").await?;
    assert_eq!(warned[0]["missing"], action);
    assert_eq!(rig.bed.runs(FUNCTION).len(), 2);
    Ok(())
}

async fn the_trip_does_not_end_by_itself(action: &str) -> Result<()> {
    let rig_has_one = action == "scheduler:UpdateSchedule";
    let (rig, function) = cooling(&[action], Some(3), "").await?;
    let function = if rig_has_one {
        // The schedule that the first trip made is there when it trips again.
        assert_eq!(rig.bed.cloud.schedules().await?.len(), 1);
        function.reserve_concurrency(Some(3)).await?;
        function.replace_environment(function.environment().await?).await?;
        rig.queue.send(looping(&function)).await?;
        rig.bed.ended(2, FUNCTION).await?;
        function
    } else {
        function
    };
    assert_eq!(function.reserved_concurrency().await?, Some(0), "it trips");
    let warned = logged(&function, "trip incomplete").await?;
    let warning = warned[0]["warning"].as_str().unwrap_or_default();
    assert!(warning.contains(action) && warning.contains("somebody has to resume"), "{warned:?}");
    assert_eq!(rig.bed.cloud.schedules().await?.len(), usize::from(rig_has_one));
    Ok(())
}

async fn the_prior_value_is_unknown(action: &str) -> Result<()> {
    let (_rig, function) = blocked(&[action]).await?;
    assert_eq!(function.reserved_concurrency().await?, Some(0), "it trips");
    assert_eq!(prior(&function).await?.as_deref(), Some("unknown"));
    let warned = logged(&function, "trip incomplete").await?;
    assert!(warned[0]["warning"].as_str().unwrap_or_default().contains(action), "{warned:?}");
    Ok(())
}

async fn no_unknown_value_is_tagged(action: &str) -> Result<()> {
    let (_rig, function) = blocked(&["lambda:GetFunctionConcurrency", action]).await?;
    assert_eq!(function.reserved_concurrency().await?, Some(0), "it trips");
    assert_eq!(prior(&function).await?, None);
    Ok(())
}

async fn no_trip(action: &str) -> Result<()> {
    let (rig, function) = blocked(&[action]).await?;
    let lines =
        logged(&function, "function not tripped: records stay blocked, but the loop can go on").await?;
    assert_eq!(lines[0]["missing"], action);
    assert_eq!(function.reserved_concurrency().await?, Some(3));
    assert!(rig.bed.runs(FUNCTION).is_empty(), "the record is blocked all the same");
    assert_eq!(bodies(&rig.bed.quarantine.peek().await?), ["keep me"]);
    Ok(())
}

async fn the_log_alone_has_the_prior_value(action: &str) -> Result<()> {
    let (_rig, function) = blocked(&[action]).await?;
    assert_eq!(function.reserved_concurrency().await?, Some(0), "it trips");
    assert!(function.tags().await?.is_empty());
    let lines = logged(&function, "prior concurrency not tagged").await?;
    assert_eq!((&lines[0]["prior"], &lines[0]["missing"]), (&json!("3"), &json!(action)));
    Ok(())
}

async fn it_is_not_known_what_is_lost(action: &str) -> Result<()> {
    let warning = |lines: &[serde_json::Value]| lines[0]["warning"].as_str().unwrap_or_default().to_owned();
    for missing in [[].as_slice(), &[action]] {
        let rig = Rig::start(&TRIP, missing).await?;
        let function = rig.bed.function(FUNCTION, &Plan::default()).role(&rig.role).deploy().await?;
        function.invoke_async(&json!({ "hopguard": token(&function, 5, 1) })).await?;
        function.tripped(SOON).await?;
        let said = warning(&logged(&function, "trip incomplete").await?);
        if missing.is_empty() {
            assert!(said.starts_with("asynchronous events of this function are lost"), "{said}");
        } else {
            assert!(
                said.contains(&format!("may be lost until it is resumed: {action} is missing")),
                "{said}"
            );
        }
    }
    Ok(())
}

async fn the_batch_fails_whole(action: &str) -> Result<()> {
    for (missing, left) in [([].as_slice(), ["keep me"].as_slice()), (&[action], &["keep me", "run"])] {
        let rig = Rig::start(&TRIP, missing).await?;
        let plan = Plan { each: true, ..Plan::default() };
        let function = rig.bed.function(FUNCTION, &plan).role(&rig.role).env("HOPGUARD_ON_BLOCK", "fail");
        let function = function.deploy().await?;
        rig.queue.send_batch([looping(&function), Draft::new("run")]).await?;
        function.consume(&rig.queue).batch_size(10).partial().create().await?;
        function.tripped(SOON).await?;
        let ended = rig.bed.ended(1, FUNCTION).await?;
        assert_eq!(ended[0]["failed"], !missing.is_empty());
        rig.bed.settled().await?;
        assert_eq!(bodies(&rig.queue.peek().await?), left);
    }
    Ok(())
}

async fn the_record_stays_with_its_source(action: &str) -> Result<()> {
    let (rig, function) = blocked(&[action]).await?;
    let lines = logged(&function, "record not quarantined: it fails, so that its source keeps it").await?;
    assert!(lines[0]["error"].as_str().unwrap_or_default().contains(&format!("{action} is missing")));
    assert_eq!(bodies(&rig.queue.peek().await?), ["keep me"]);
    assert!(rig.bed.quarantine.peek().await?.is_empty());
    Ok(())
}

async fn an_object_starts_a_new_chain(action: &str) -> Result<()> {
    objects(action, false).await
}

async fn a_version_starts_a_new_chain(action: &str) -> Result<()> {
    objects(action, true).await
}

/// An object whose metadata says that it is beyond the limit runs where that cannot be read.
async fn objects(action: &str, versioned: bool) -> Result<()> {
    for missing in [[].as_slice(), &[action]] {
        let rig = Rig::start(&["trip", "quarantine", "objects"], missing).await?;
        let bucket = rig.bed.cloud.bucket(BUCKET).await?;
        if versioned {
            bucket.keep_versions().await?;
        }
        let function = rig.bed.function(FUNCTION, &Plan::default()).role(&rig.role).deploy().await?;
        bucket.notify(&function, "").await?;
        bucket.put("in/first.txt", b"hello", &[("hopguard", &token(&function, 5, 1))]).await?;
        rig.bed.ended(1, FUNCTION).await?;
        let runs = rig.bed.runs(FUNCTION).len();
        assert_eq!(runs, missing.len(), "{}", rig.bed.log(&function).await);
        if missing.is_empty() {
            function.tripped(SOON).await?;
        } else {
            let lines = logged(&function, "lineage lost: the record starts a new chain").await?;
            assert!(lines[0]["error"].as_str().unwrap_or_default().contains(action), "{lines:?}");
        }
    }
    Ok(())
}

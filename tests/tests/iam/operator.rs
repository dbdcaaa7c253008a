//! The command line under the operator's policies: enough for each command, and one action less is named by the command that needs it.

use std::collections::BTreeSet;

use anyhow::Result;
use hopguard::core::Settings;
use hopguard_aws::operator::{needs, policy as written};
use hopguard_tests::{Cloud, Function, Layer, Mapping};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::bed::Bed;
use crate::policy::{self, BUCKET, FUNCTION, ROLE, filled, filled_for, listed, statements};
use crate::program::Program;
use crate::tree::layer;

/// What `attach` creates, as `operator-full.json` lets it.
const QUARANTINE: &str = "hopguard-quarantine";

/// A cloud that authorises, and a function with a queue before it.
struct Desk {
    bed: Bed,
    zip: String,
    function: Function,
    _mapping: Mapping,
}

impl Desk {
    async fn set_up() -> Result<Self> {
        let bed = Bed::on(Cloud::builder().authorise(true).start().await?).await?;
        let queue = bed.cloud.queue("work").create().await?;
        let own = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Resource": queue.arn(), "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] },
        ]});
        let role = bed.cloud.role_with("worker", &[("own-work", own)]).await?;
        let plan = hopguard_tests::Plan::forward(hopguard_tests::Send::queue(queue.url()));
        let function = bed.function(FUNCTION, &plan).role(&role).env("HOPGUARD_METRICS", "cloudwatch");
        let function = function.deploy().await?;
        let mapping = function.consume(&queue).create().await?;
        let zip = spawn_blocking(|| Layer::zip(&layer())).await??;
        Ok(Self { bed, zip: zip.to_str().expect("UTF-8").to_owned(), function, _mapping: mapping })
    }

    /// A person with this policy.
    async fn person(&self, name: &str, policy: Option<Value>) -> Result<Program> {
        let policies: Vec<_> = policy.into_iter().map(|policy| ("operator", policy)).collect();
        let role = self.bed.cloud.role_with(name, &policies).await?;
        Ok(Program::by(&self.bed.cloud, self.bed.cloud.assume(&role).await?))
    }

    /// The function without the layer, which nobody has published, and without its quarantine queue.
    async fn tidy(&self) -> Result<()> {
        let owner = Program::on(&self.bed.cloud);
        owner.run(&["resume", FUNCTION, "--unreserved", "--yes"]).await;
        owner.run(&["detach", FUNCTION, "--yes"]).await.is(0, &[]);
        let lambda = self.bed.cloud.lambda();
        let versions = lambda.list_layer_versions().layer_name("hopguard").send().await;
        for version in versions.map(|answer| answer.layer_versions.unwrap_or_default()).unwrap_or_default() {
            lambda
                .delete_layer_version()
                .layer_name("hopguard")
                .version_number(version.version)
                .send()
                .await?;
        }
        if let Ok(queue) = self.bed.cloud.sqs().get_queue_url().queue_name(QUARANTINE).send().await {
            self.bed.cloud.sqs().delete_queue().set_queue_url(queue.queue_url).send().await?;
        }
        let mapping = lambda.list_event_source_mappings().function_name(FUNCTION).send().await?;
        for mapping in mapping.event_source_mappings() {
            let call = lambda.update_event_source_mapping().set_uuid(mapping.uuid.clone());
            call.set_function_response_types(Some(Vec::new())).send().await?;
        }
        Ok(())
    }

    /// The function has a cooldown.
    async fn cool(&self) -> Result<()> {
        let mut variables = self.function.environment().await?;
        for setting in NEEDY {
            let (name, value) = setting.split_once('=').expect("a setting");
            variables.insert(name.to_owned(), value.to_owned());
        }
        self.function.replace_environment(variables).await
    }

    fn attach(&self) -> Vec<&str> {
        let mut command = vec!["attach", FUNCTION, "--zip", &self.zip, "--quarantine", QUARANTINE];
        command.extend(["--set", "HOPGUARD_METRICS=cloudwatch", "--batch-failures", "--yes"]);
        command.extend(NEEDY.iter().flat_map(|setting| ["--set", setting]));
        command
    }
}

/// Settings that need something of their own.
const NEEDY: [&str; 4] = [
    "HOPGUARD_COOLDOWN=30m",
    "HOPGUARD_COOLDOWN_ROLE=arn:aws:iam::000000000000:role/hopguard-cooldown",
    "HOPGUARD_CHAIN_BUDGET=1000",
    "HOPGUARD_LEDGER_TABLE=hopguard-ledger",
];

const STATUS: [&str; 2] = ["status", FUNCTION];
const LIST: [&str; 1] = ["status"];
const DOCTOR: [&str; 2] = ["doctor", FUNCTION];
const TRIP: [&str; 3] = ["trip", FUNCTION, "--yes"];
const RESUME: [&str; 3] = ["resume", FUNCTION, "--yes"];
const PROBE: [&str; 4] = ["resume", FUNCTION, "--probe=1s", "--yes"];
const DETACH: [&str; 3] = ["detach", FUNCTION, "--yes"];

#[tokio::test]
async fn the_full_policy_is_enough_for_every_command() -> Result<()> {
    let desk = Desk::set_up().await?;
    let person = desk.person("person", Some(filled("operator-full"))).await?;
    desk.tidy().await?;
    person.run(&LIST).await.is(3, &["0 with"]);
    person.run(&desk.attach()).await.is(0, &["worker changed"]);
    person.run(&desk.attach()).await.is(0, &["nothing to change"]);
    for command in [&STATUS[..], &LIST, &TRIP, &PROBE, &TRIP, &RESUME] {
        let said = person.run(command).await;
        assert!(said.exit == 0 && !said.out.contains("not known"), "{command:?}: {said}");
    }
    let doctor = person.run(&DOCTOR).await;
    for complaint in ["you may not", "its role lacks"] {
        assert!(!doctor.to_string().contains(complaint), "{doctor}");
    }
    person.run(&DETACH).await.is(0, &["worker changed"]);
    Ok(())
}

#[tokio::test]
async fn the_reading_policy_reads_and_changes_nothing() -> Result<()> {
    let desk = Desk::set_up().await?;
    let person = desk.person("reader", Some(filled("operator-read"))).await?;
    for command in [&STATUS[..], &LIST, &DOCTOR] {
        let said = person.run(command).await;
        assert!(!said.to_string().contains("you may not"), "{command:?}: {said}");
    }
    person.run(&TRIP).await.is(1, &["you may not lambda:PutFunctionConcurrency"]);
    person.run(&DETACH).await.is(1, &["you may not lambda:UpdateFunctionConfiguration"]);
    Ok(())
}

/// With one action less, the command that needs it says which one is missing.
#[tokio::test]
async fn without_an_action_the_command_that_needs_it_names_it() -> Result<()> {
    let desk = Desk::set_up().await?;
    let full = filled("operator-full");
    let attach = desk.attach();
    let cases: [(&str, &[&str], &[&str]); 27] = [
        ("lambda:ListFunctions", &[], &LIST),
        ("lambda:GetFunctionConfiguration", &[], &STATUS),
        ("lambda:GetFunctionConcurrency", &[], &STATUS),
        ("lambda:ListTags", &[], &STATUS),
        ("lambda:ListAliases", &[], &STATUS),
        ("lambda:ListEventSourceMappings", &[], &STATUS),
        ("lambda:GetPolicy", &[], &STATUS),
        ("lambda:GetFunctionEventInvokeConfig", &[], &STATUS),
        ("sqs:GetQueueUrl", &[], &STATUS),
        ("sqs:GetQueueAttributes", &[], &STATUS),
        ("lambda:GetFunctionRecursionConfig", &[], &DOCTOR),
        ("iam:SimulatePrincipalPolicy", &[], &DOCTOR),
        ("cloudwatch:GetMetricStatistics", &[], &DOCTOR),
        ("lambda:PutFunctionConcurrency", &[], &TRIP),
        ("lambda:TagResource", &[], &TRIP),
        ("lambda:DeleteFunctionConcurrency", &TRIP, &RESUME),
        ("lambda:UntagResource", &TRIP, &RESUME),
        ("scheduler:DeleteSchedule", &TRIP, &RESUME),
        ("lambda:ListLayerVersions", &[], &attach),
        ("lambda:PublishLayerVersion", &[], &attach),
        ("sqs:CreateQueue", &[], &attach),
        ("iam:GetRolePolicy", &[], &attach),
        ("iam:PutRolePolicy", &[], &attach),
        ("lambda:UpdateEventSourceMapping", &[], &attach),
        ("lambda:UpdateFunctionConfiguration", &[], &attach),
        ("lambda:GetLayerVersion", &attach, &attach),
        ("iam:DeleteRolePolicy", &attach, &DETACH),
    ];
    let named: BTreeSet<_> = cases.iter().map(|(action, ..)| (*action).to_owned()).collect();
    assert_eq!(named, policy::actions(&full), "each action of the policy is a case");
    let owner = Program::on(&desk.bed.cloud);
    for (place, (action, before, command)) in cases.into_iter().enumerate() {
        if !before.is_empty() || command[0] == "attach" || command[0] == "trip" {
            desk.tidy().await?;
        }
        if !before.is_empty() {
            owner.run(before).await.is(0, &[]);
        }
        if action == "scheduler:DeleteSchedule" {
            desk.cool().await?;
        }
        let person = desk.person(&format!("person-{place}"), policy::without(&full, action)).await?;
        let said = person.run(command).await.to_string();
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(action), "{action} is not named by {command:?}: {said}");
    }
    Ok(())
}

/// Action and resource, one by one: how they are put together into statements is each writer's own.
fn pairs(policies: &[Value]) -> BTreeSet<(String, String)> {
    let statements = policies.iter().flat_map(statements);
    statements
        .flat_map(|statement| {
            let (actions, resources) = (listed(&statement["Action"]), listed(&statement["Resource"]));
            actions
                .into_iter()
                .flat_map(move |action| resources.clone().into_iter().map(move |on| (action.clone(), on)))
        })
        .collect()
}

#[test]
fn attach_writes_what_is_shipped() {
    let cool = NEEDY.iter().filter_map(|setting| setting.split_once('='));
    let settings = Settings::read(cool.chain([("HOPGUARD_METRICS", "cloudwatch")])).0;
    let (region, account) = (Cloud::REGION, Cloud::ACCOUNT);
    let function = format!("arn:aws:lambda:{region}:{account}:function:{FUNCTION}");
    let queue = format!("arn:aws:sqs:{region}:{account}:{QUARANTINE}");
    let bucket = format!("arn:aws:s3:::{BUCKET}");
    let written = written(&needs(&function, &settings, Some(&queue), &[bucket]));
    // A key of the queue's own is not looked into.
    let shipped: Vec<_> = ROLE
        .iter()
        .filter(|file| **file != "quarantine-key")
        .map(|file| filled_for(file, FUNCTION, QUARANTINE))
        .collect();
    assert_eq!(pairs(&[written]), pairs(&shipped));
}

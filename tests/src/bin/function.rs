//! The function that the tests deploy: it does what its [`Plan`] says, with hopguard or without.

#![allow(clippy::print_stdout, reason = "what a function prints is its log")]

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use hopguard::core::event::Source;
use hopguard::{BatchAnswer, BatchRecord, Guard, Scope};
use hopguard_tests::{Plan, Reporter, Send, Witness};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let worker = Worker::new().await?;
    let handler = service_fn(|event: LambdaEvent<Value>| worker.handle(event));
    match worker.plan.unguarded {
        true => lambda_runtime::run(handler).await,
        false => lambda_runtime::run(worker.guard.wrap(handler)).await,
    }
}

/// The plan and all that it takes to carry it out.
struct Worker {
    plan: Plan,
    name: String,
    guard: Guard,
    reporter: Reporter,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    s3: aws_sdk_s3::Client,
    lambda: aws_sdk_lambda::Client,
    sent: AtomicU64,
}

/// One record, as far as the plan needs it.
struct Item {
    source: Source,
    id: Option<String>,
    group: Option<String>,
    attempt: u64,
    text: String,
    /// The key of the S3 object that it names.
    key: Option<String>,
}

impl BatchRecord for Item {
    fn source(&self) -> Source {
        self.source
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.id.as_deref().map(Cow::Borrowed)
    }

    fn group(&self) -> Option<Cow<'_, str>> {
        self.group.as_deref().map(Cow::Borrowed)
    }
}

impl Worker {
    async fn new() -> Result<Self> {
        let plan = std::env::var(Plan::VARIABLE).context("PLAN is not set")?;
        let plan: Plan = serde_json::from_str(&plan).context("PLAN is not a plan")?;
        let witness = std::env::var(Witness::VARIABLE).ok();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config: SdkConfig =
            aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http).load().await;
        let guard = Guard::from_env();
        let propagator = || guard.propagator();
        let (mut sqs, mut sns, mut lambda) = (
            aws_sdk_sqs::config::Builder::from(&config),
            aws_sdk_sns::config::Builder::from(&config),
            aws_sdk_lambda::config::Builder::from(&config),
        );
        let mut s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
        if !plan.unguarded {
            sqs = sqs.interceptor(propagator());
            sns = sns.interceptor(propagator());
            s3 = s3.interceptor(propagator());
            lambda = lambda.interceptor(propagator());
        }
        Ok(Self {
            plan,
            name: std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
            reporter: Reporter::connect(witness.as_deref()).await?,
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
            guard,
            sent: AtomicU64::new(0),
        })
    }

    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let request = Arc::<str>::from(event.context.request_id.as_str());
        let items = items(&event.payload, &request);
        let answer = if self.plan.each {
            let answer = self.guard.each(items, |item| self.process(item, Arc::clone(&request))).await;
            serde_json::to_value(answer)?
        } else {
            for item in items {
                self.process(item, Arc::clone(&request)).await?;
            }
            serde_json::to_value(BatchAnswer::default())?
        };
        let counters = self.guard.counters().snapshot().into_iter().map(|(counter, value)| (format!("{counter:?}"), json!(value)));
        let counters = counters.collect::<serde_json::Map<_, _>>();
        self.reporter.report(&json!({"kind": "counters", "function": self.name, "process": std::process::id(), "counters": counters})).await?;
        Ok(answer)
    }

    async fn process(&self, item: Item, request: Arc<str>) -> Result<()> {
        let mut line = json!({
            "kind": "run", "function": self.name, "request": *request, "process": std::process::id(),
            "source": item.source.name(), "id": item.id, "attempt": item.attempt, "text": item.text,
        });
        if let (Some(scope), Some(line)) = (Scope::current(), line.as_object_mut()) {
            let lineage = scope.lineage();
            line.insert("chain".to_owned(), json!(lineage.chain.to_string()));
            line.insert("hop".to_owned(), json!(lineage.hop));
            line.insert("visits".to_owned(), json!(lineage.visits.of(scope.function())));
            line.insert("credit".to_owned(), json!(lineage.credit.left()));
        }
        self.reporter.report(&line).await?;
        // The emulator waits for output of an invocation that prints nothing.
        println!("{line}");
        tokio::time::sleep(Duration::from_millis(self.plan.wait_ms)).await;
        if item.attempt <= u64::from(self.plan.fail_first) {
            bail!("told to fail delivery {}", item.attempt);
        }
        if !item.stops() {
            for send in &self.plan.sends {
                self.send(send, &item).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, send: &Send, item: &Item) -> Result<()> {
        let nth = self.sent.fetch_add(1, Ordering::Relaxed);
        match send {
            Send::Queue { url, copies, batch: false } => {
                for copy in 0..*copies {
                    let group = url.ends_with(".fifo").then(|| item.group.clone().unwrap_or_else(|| "g".to_owned()));
                    let once = group.as_ref().map(|_| format!("{}-{nth}-{copy}-{}", self.name, std::process::id()));
                    let message = self.sqs.send_message().queue_url(url).message_body(&item.text);
                    message.set_message_group_id(group).set_message_deduplication_id(once).send().await?;
                }
            }
            Send::Queue { url, copies, batch: true } => {
                let entry = |copy: usize| {
                    SendMessageBatchRequestEntry::builder().id(format!("m{copy}")).message_body(&item.text).build()
                };
                let entries = (0..*copies).map(entry).collect::<Result<Vec<_>, _>>()?;
                self.sqs.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await?;
            }
            Send::Topic { arn, copies, batch: false } => {
                for _ in 0..*copies {
                    self.sns.publish().topic_arn(arn).message(&item.text).send().await?;
                }
            }
            Send::Topic { arn, copies, batch: true } => {
                let entry =
                    |copy: usize| PublishBatchRequestEntry::builder().id(format!("m{copy}")).message(&item.text).build();
                let entries = (0..*copies).map(entry).collect::<Result<Vec<_>, _>>()?;
                let batch = self.sns.publish_batch().topic_arn(arn);
                batch.set_publish_batch_request_entries(Some(entries)).send().await?;
            }
            Send::Object { bucket, prefix } => {
                let key = format!("{prefix}{}-{nth}-{}", self.name, std::process::id());
                self.s3.put_object().bucket(bucket).key(key).body(item.text.clone().into_bytes().into()).send().await?;
            }
            Send::Copy { bucket, prefix } => {
                let source = item.key.as_deref().context("the record names no object")?;
                let key = format!("{prefix}{}-{nth}-{}", self.name, std::process::id());
                self.s3.copy_object().bucket(bucket).key(key).copy_source(format!("{bucket}/{source}")).send().await?;
            }
            Send::Invoke { function, synchronous } => {
                let kind = if *synchronous { InvocationType::RequestResponse } else { InvocationType::Event };
                let invoke = self.lambda.invoke().function_name(function).invocation_type(kind);
                let answer = invoke.payload(item.text.clone().into_bytes().into()).send().await?;
                if answer.function_error().is_some() {
                    bail!("{function} failed: {}", String::from_utf8_lossy(answer.payload().map_or(&[], |payload| payload.as_ref())));
                }
            }
        }
        Ok(())
    }
}

impl Item {
    fn stops(&self) -> bool {
        let told = serde_json::from_str::<Value>(&self.text).is_ok_and(|text| text.get("stop") == Some(&Value::Bool(true)));
        told || self.key.as_ref().is_some_and(|key| key.contains("stop"))
    }
}

/// The records of an event; an event without records is one itself.
fn items(event: &Value, request: &str) -> Vec<Item> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let Some(records) = event.get("Records").and_then(Value::as_array) else {
        let id = Some(request.to_owned());
        let text = event.to_string();
        return vec![Item { source: Source::Invoke, id, group: None, attempt: 1, text, key: None }];
    };
    let item = |record: &Value| {
        let attempts = text(record, "/attributes/ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let (source, id, body) = if text(record, "/eventSource").as_deref() == Some("aws:sqs") {
            (Source::Sqs, text(record, "/messageId"), text(record, "/body").unwrap_or_default())
        } else if let Some(message) = text(record, "/Sns/Message") {
            (Source::Sns, text(record, "/Sns/MessageId"), message)
        } else {
            (Source::S3, None, record.to_string())
        };
        Item {
            source,
            id,
            group: text(record, "/attributes/MessageGroupId"),
            attempt: attempts.unwrap_or(1),
            key: key(&body),
            text: body,
        }
    };
    records.iter().map(item).collect()
}

/// The key of the object that a text names, in an S3 notification or an SNS message around one.
fn key(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    if let Some(message) = value.get("Message").and_then(Value::as_str) {
        return key(message);
    }
    let record = value.pointer("/Records/0").unwrap_or(&value);
    record.pointer("/s3/object/key").and_then(Value::as_str).map(str::to_owned)
}

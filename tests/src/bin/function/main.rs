//! The function that the tests deploy: it does what its [`Plan`] says, with hopguard or without.

#![allow(clippy::print_stdout, reason = "what a function prints is its log")]

mod item;
mod sending;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use aws_config::BehaviorVersion;
use hopguard::{BatchAnswer, Guard, Scope};
use hopguard_tests::{Plan, Reporter, Witness};
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::{Context, Error, LambdaEvent, Runtime, Service, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use item::Item;
use sending::Sender;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let worker = Arc::new(Worker::new().await?);
    let own = Arc::clone(&worker);
    let handler = service_fn(move |event: LambdaEvent<Value>| {
        let worker = Arc::clone(&own);
        async move { worker.handle(event).await }
    });
    // One at a time, but for an environment that says otherwise (Lambda Managed Instances).
    if worker.plan.unguarded {
        return lambda_runtime::run_concurrent(handler).await;
    }
    let (mut guarded, layer) = (worker.guard.wrap(handler), worker.guard.layer());
    let watched = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let context = event.context.clone();
        Arc::clone(&worker).watch(context, guarded.call(event))
    });
    Runtime::new(watched).layer(layer).layer(TracingLayer::new()).run_concurrent().await
}

/// The plan and all that it takes to carry it out.
struct Worker {
    plan: Plan,
    name: String,
    guard: Guard,
    reporter: Reporter,
    sender: Sender,
    /// How often each text came, from sources that do not say.
    deliveries: Mutex<HashMap<String, u64>>,
}

impl Worker {
    async fn new() -> Result<Self> {
        let plan = std::env::var(Plan::VARIABLE).context("PLAN is not set")?;
        let plan: Plan = serde_json::from_str(&plan).context("PLAN is not a plan")?;
        let witness = std::env::var(Witness::VARIABLE).ok();
        let name = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
        let guard = Guard::from_env();
        Ok(Self {
            sender: Sender::new(&name, &config, Some(&guard).filter(|_| !plan.unguarded)),
            reporter: Reporter::connect(witness.as_deref()).await?,
            plan,
            name,
            guard,
            deliveries: Mutex::default(),
        })
    }

    /// Tells the witness of each invocation, and of what the guard has counted by its end: also where no handler ran.
    async fn watch<R, E>(
        self: Arc<Self>,
        context: Context,
        invocation: impl Future<Output = Result<R, E>>,
    ) -> Result<R, E> {
        let started = Instant::now();
        let answer = invocation.await;
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let counted = self.guard.counters().snapshot().into_iter();
        let counters: serde_json::Map<_, _> =
            counted.map(|(counter, value)| (format!("{counter:?}"), json!(value))).collect();
        let line = json!({
            "kind": "invocation", "function": self.name, "process": std::process::id(),
            "request": context.request_id, "failed": answer.is_err(), "counters": counters,
            "took_ms": millis(started.elapsed()), "left_ms": millis(left),
        });
        // A witness that is gone is no reason to change the answer.
        let _ = self.reporter.report(&line).await;
        answer
    }

    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let request = Arc::<str>::from(event.context.request_id.as_str());
        let items = Item::read(&event.payload, &request);
        if self.plan.each {
            let answer = self.guard.each(items, |item| self.process(item, Arc::clone(&request))).await;
            return Ok(serde_json::to_value(answer)?);
        }
        for item in items {
            self.process(item, Arc::clone(&request)).await?;
        }
        Ok(serde_json::to_value(BatchAnswer::default())?)
    }

    async fn process(&self, item: Item, request: Arc<str>) -> Result<()> {
        let attempt = item.attempt.unwrap_or_else(|| self.delivery(&item.text));
        let mut line = json!({
            "kind": "run", "function": self.name, "request": *request, "process": std::process::id(),
            "source": item.source.name(), "id": item.id, "attempt": attempt, "text": item.text,
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
        if attempt <= u64::from(self.plan.fail_first) {
            bail!("told to fail delivery {attempt}");
        }
        if !item.stops() {
            for send in &self.plan.sends {
                self.sender.send(send, &item).await?;
            }
        }
        Ok(())
    }

    /// Counts one more delivery of a text in this process.
    fn delivery(&self, text: &str) -> u64 {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        let count = deliveries.entry(text.to_owned()).or_default();
        *count += 1;
        *count
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

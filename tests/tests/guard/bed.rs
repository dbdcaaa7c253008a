use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hopguard::core::{ChainId, FunctionId, Lineage, Token};
use hopguard_tests::{Cloud, Function, FunctionBuilder, Message, Plan, Queue, Witness, eventually, is_run};
use serde_json::Value;

/// A cloud with a witness and a quarantine queue.
pub(crate) struct Bed {
    pub(crate) cloud: Cloud,
    pub(crate) witness: Witness,
    pub(crate) quarantine: Queue,
}

/// More than enough for anything that is expected to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A visibility timeout for messages that are to come back soon, which no invocation misses on a busy machine: a message that
/// comes back too early is processed twice. Where none is to come back, the default of 30 seconds stays.
pub(crate) const RETURN: Duration = Duration::from_secs(4);

/// Longer than any retry of an event, so that what has been counted by then is final. Messages that come back are waited for.
const QUIET: Duration = Duration::from_secs(3);

impl Bed {
    pub(crate) async fn start() -> Result<Self> {
        Self::on(Cloud::start().await?).await
    }

    pub(crate) async fn on(cloud: Cloud) -> Result<Self> {
        let witness = Witness::start().await?;
        let quarantine = cloud.queue("quarantine").create().await?;
        Ok(Self { cloud, witness, quarantine })
    }

    /// The tests' function, guarded: five visits are allowed, and blocked records go to the quarantine queue.
    pub(crate) fn function(&self, name: &str, plan: &Plan) -> FunctionBuilder<'_> {
        self.cloud
            .function(name)
            .bootstrap(Path::new(env!("CARGO_BIN_EXE_function")))
            .env(Plan::VARIABLE, plan.text())
            .env(Witness::VARIABLE, self.witness.address())
            .env("RUST_LOG", "hopguard=debug")
            .env("HOPGUARD_MAX_VISITS", "5")
            .env("HOPGUARD_QUARANTINE", self.quarantine.url())
            .timeout(Duration::from_secs(20))
    }

    /// Waits until nothing runs any more, and returns all runs of handlers.
    pub(crate) async fn settled(&self) -> Result<Vec<Value>> {
        self.witness.settle(QUIET, Duration::from_secs(90)).await?;
        Ok(self.witness.lines().into_iter().filter(|line| line["kind"] == "run").collect())
    }

    /// All runs of one function's handler, in order.
    pub(crate) fn runs(&self, function: &str) -> Vec<Value> {
        self.witness.lines().into_iter().filter(|line| is_run(line, function)).collect()
    }

    /// The hops and visits of a function's runs, sorted: lines of two processes may overtake each other.
    pub(crate) fn path(&self, function: &str) -> Vec<(u64, u64)> {
        let mut path: Vec<_> = self.runs(function).iter().map(place).collect();
        path.sort_unstable();
        path
    }

    /// The texts that a function's handler got, sorted.
    pub(crate) fn texts(&self, function: &str) -> Vec<String> {
        let mut texts: Vec<_> = self.runs(function).iter().map(text).collect();
        texts.sort_unstable();
        texts
    }

    /// The invocations of a guarded function that have ended, in order; those too that no handler got anything of.
    pub(crate) fn invocations(&self, function: &str) -> Vec<Value> {
        let ended = |line: &Value| line["kind"] == "invocation" && line["function"] == function;
        self.witness.lines().into_iter().filter(ended).collect()
    }

    /// Waits until so many of a function's invocations have ended.
    pub(crate) async fn ended(&self, count: usize, function: &str) -> Result<Vec<Value>> {
        let ended = |line: &Value| line["kind"] == "invocation" && line["function"] == function;
        self.witness.wait_for(count, SOON, ended).await?;
        Ok(self.invocations(function))
    }

    /// For a failing test's message: what hopguard logged in the function.
    pub(crate) async fn log(&self, function: &Function) -> String {
        let lines = function.logs().await.unwrap_or_default();
        let own = lines.into_iter().filter(|line| line.contains("\"target\":\"hopguard\""));
        own.map(|line| line.split(",\"span\"").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// How many chains the runs belong to.
    pub(crate) fn chains(&self) -> usize {
        chains(&self.witness.lines())
    }

    /// The last count that a function told of one of its counters.
    pub(crate) fn counter(&self, function: &str, counter: &str) -> u64 {
        // Each process of a function counts for itself.
        let mut by_process = HashMap::new();
        for line in self.invocations(function) {
            by_process.insert(line["process"].to_string(), line["counters"][counter].as_u64().unwrap_or(0));
        }
        by_process.values().sum()
    }
}

/// Has all invocations of a function run in one process, one after the other.
pub(crate) async fn one_environment(function: &Function) -> Result<()> {
    function.reserve_concurrency(Some(1)).await
}

/// The function stands at 0 with its prior value in its tags.
pub(crate) async fn assert_tripped(function: &Function, prior: &str) -> Result<()> {
    if let Err(error) = function.tripped(SOON).await {
        let logs = function.logs().await?.join("\n");
        return Err(error.context(format!("its log:\n{logs}")));
    }
    let tags = function.tags().await?;
    assert_eq!(tags.get("hopguard:prior-concurrency").map(String::as_str), Some(prior), "{tags:?}");
    assert!(tags.contains_key("hopguard:chain") && tags.contains_key("hopguard:tripped-at"), "{tags:?}");
    Ok(())
}

/// Waits until a function's log has a line with this message, and returns all such lines.
pub(crate) async fn logged(function: &Function, message: &str) -> Result<Vec<Value>> {
    eventually(&format!("{message:?} in the log of {}", function.name()), SOON, async || {
        let lines = function.logs().await?;
        let parsed = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found: Vec<_> = parsed.filter(|line| line["message"] == message).collect();
        Ok((!found.is_empty()).then_some(found))
    })
    .await
}

/// The lineage of a chain that has visited a function so often, and nothing else: the next arrival is one visit more.
pub(crate) fn visited(arn: &str, visits: u16, chain: u128) -> Lineage {
    let id = FunctionId::from_arn(arn);
    let root = Lineage::root(ChainId::new(chain).unwrap(), id, 256);
    (1..visits).fold(root, |lineage, _| lineage.arrive(id, 256))
}

/// The same as a token without signature.
pub(crate) fn token(function: &Function, visits: u16, chain: u128) -> String {
    token_of(function.arn(), visits, chain)
}

/// The same for a function that is no part of a cloud.
pub(crate) fn token_of(arn: &str, visits: u16, chain: u128) -> String {
    Token::new(&visited(arn, visits, chain), None).to_string()
}

/// Hops and visits of a function that invokes itself.
pub(crate) fn alone(visits: u64) -> Vec<(u64, u64)> {
    (0..visits).map(|visit| (visit, visit + 1)).collect()
}

/// Hop and visits of one run.
pub(crate) fn place(run: &Value) -> (u64, u64) {
    let number = |name: &str| run[name].as_u64().unwrap_or(u64::MAX);
    (number("hop"), number("visits"))
}

/// The bodies of messages, sorted.
pub(crate) fn bodies(messages: &[Message]) -> Vec<String> {
    let mut bodies: Vec<_> = messages.iter().map(|message| message.body.clone()).collect();
    bodies.sort_unstable();
    bodies
}

pub(crate) fn text(run: &Value) -> String {
    run["text"].as_str().unwrap_or_default().to_owned()
}

/// How many chains these lines belong to.
pub(crate) fn chains(lines: &[Value]) -> usize {
    let chains: HashSet<_> = lines.iter().filter_map(|line| Some(line.get("chain")?.to_string())).collect();
    chains.len()
}

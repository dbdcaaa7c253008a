use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Cloud, Function, FunctionBuilder, Plan, Queue, Witness, is_run};
use serde_json::Value;

/// A cloud with a witness and a quarantine queue.
pub(crate) struct Bed {
    pub(crate) cloud: Cloud,
    pub(crate) witness: Witness,
    pub(crate) quarantine: Queue,
}

/// More than enough for anything that is expected to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Longer than any redelivery on the test bed, so that what has been counted by then is final.
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

    /// The hops and visits of a function's runs, in order.
    pub(crate) fn path(&self, function: &str) -> Vec<(u64, u64)> {
        let number = |line: &Value, name: &str| line[name].as_u64().unwrap_or(u64::MAX);
        let lines = self.witness.lines();
        let runs = lines.iter().filter(|line| is_run(line, function));
        runs.map(|run| (number(run, "hop"), number(run, "visits"))).collect()
    }

    /// All runs of one function's handler.
    pub(crate) fn runs(&self, function: &str) -> Vec<Value> {
        self.witness.lines().into_iter().filter(|line| is_run(line, function)).collect()
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
        let chains: std::collections::HashSet<_> =
            self.witness.lines().iter().filter_map(|line| Some(line.get("chain")?.to_string())).collect();
        chains.len()
    }

    /// The last count that a function told of one of its counters.
    pub(crate) fn counter(&self, function: &str, counter: &str) -> u64 {
        // Each process of a function counts for itself.
        let mut by_process = std::collections::HashMap::new();
        for line in self
            .witness
            .lines()
            .iter()
            .filter(|line| line["kind"] == "invocation" && line["function"] == function)
        {
            by_process.insert(line["process"].to_string(), line["counters"][counter].as_u64().unwrap_or(0));
        }
        by_process.values().sum()
    }
}

/// The function stands at 0 with its prior value in its tags.
pub(crate) async fn assert_tripped(function: &Function, prior: &str) -> Result<()> {
    if let Err(error) = function.tripped(Duration::from_secs(20)).await {
        let logs = function.logs().await?.join("\n");
        return Err(error.context(format!("its log:\n{logs}")));
    }
    let tags = function.tags().await?;
    assert_eq!(tags.get("hopguard:prior-concurrency").map(String::as_str), Some(prior), "{tags:?}");
    assert!(tags.contains_key("hopguard:chain") && tags.contains_key("hopguard:tripped-at"), "{tags:?}");
    Ok(())
}

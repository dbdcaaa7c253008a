//! What the demo has to tell, one thing at a time.

use std::collections::BTreeMap;

use serde::Serialize;

/// One act of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scene {
    /// Two functions that feed each other through SQS.
    Messages,
    /// A function that feeds itself through S3.
    Objects,
    /// The person on call.
    OnCall,
    /// The first one again, without hopguard.
    Unguarded,
    /// What waiting costs.
    Waits,
}

/// What one request to a design costs, all its functions together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Costs {
    /// The design, in words.
    pub(crate) design: String,
    /// How many functions it has.
    pub(crate) functions: usize,
    /// What each is given.
    pub(crate) memory_mb: Option<u32>,
    /// What is paid for.
    pub(crate) paid_s: f64,
    /// The part of it with a call in flight.
    pub(crate) wait_s: f64,
    /// The most that running calls together could save.
    pub(crate) saving_s: f64,
    /// The price of a million requests, Lambda's requests included.
    pub(crate) usd_per_million: f64,
    /// The part of it that pays for waiting.
    pub(crate) wait_usd_per_million: f64,
    /// The anti-patterns that hopguard found.
    pub(crate) findings: Vec<String>,
}

/// One thing that happened. With `--json`, one line each; times are in seconds since the scene's first message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The demo begins.
    Opening { max_visits: u64 },
    /// A scene begins.
    SceneStarted { scene: Scene },
    /// A record reached a handler.
    Hop {
        scene: Scene,
        at_s: f64,
        function: String,
        carrier: Option<&'static str>,
        hop: u64,
        visits: u64,
        chain: String,
    },
    /// A record was kept from a handler.
    Blocked {
        scene: Scene,
        at_s: f64,
        function: String,
        carrier: Option<&'static str>,
        hop: u64,
        visits: u64,
        chain: String,
        reason: String,
        limit: String,
    },
    /// The breaker set a function's reserved concurrency to 0.
    Tripped { scene: Scene, at_s: f64, function: String, prior: String, chain: String },
    /// How often a function's handler ran.
    Runs { scene: Scene, function: String, runs: u64 },
    /// When the last handler ran, and how long the loop was watched.
    Watched { scene: Scene, watched_s: f64, last_at_s: f64 },
    /// What GetFunctionConcurrency says; `null` where nothing is reserved.
    ReservedConcurrency { scene: Scene, function: String, reserved: Option<i32> },
    /// The tags that a trip left.
    Tags { scene: Scene, function: String, tags: BTreeMap<String, String> },
    /// A message that the quarantine queue holds, and the object that it is about, if any.
    Quarantined { scene: Scene, body: String, object: Option<String> },
    /// What became of the objects that the S3 loop wrote.
    Objects { scene: Scene, first: u64, written: u64 },
    /// A command that a person gave, and what it said.
    Command { scene: Scene, command: String, output: Vec<String> },
    /// What the loop did without the guard, in as many seconds as with it.
    Unguarded { scene: Scene, watched_s: f64, invocations: u64, per_hour: u64, guarded_invocations: u64 },
    /// What a design costs.
    Costs(Costs),
    /// What the costs are made with.
    Priced { usd_per_gb_second: f64, usd_per_request: f64, source: String, date: String },
    /// A page with all of it.
    Reported { page: String },
    /// A scene that this machine lacks something for.
    LeftOut { scene: Scene, why: String },
    /// Something that had to hold. Those that were met are for machines only.
    Check { scene: Scene, what: String, expected: String, found: String, met: bool },
    /// The demo ends.
    Closing { checks: usize, unmet: usize },
}

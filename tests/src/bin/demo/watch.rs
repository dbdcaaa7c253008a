//! Following a loop by what its functions log.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, bail};
use hopguard_tests::Function;
use tokio::time::{Instant, sleep};

use crate::{
    event::{Event, Scene},
    log_line::{Kind, LogLine, Place},
    teller::Teller,
};

/// How long every loop is watched at least: a loop that was cut has long ended by then, and one that was not shows itself.
pub(crate) const WATCHED: Duration = Duration::from_secs(6);
/// How long a loop may take until it is cut.
const CUT_WAIT: Duration = Duration::from_secs(60);
/// How long the first record may take until it reaches a handler; a function starts in half a second.
const FIRST_WAIT: Duration = Duration::from_secs(20);
/// How long nothing may run after that before the loop counts as ended.
const QUIET: Duration = Duration::from_secs(3);
/// How often the logs are read.
const LOOK: Duration = Duration::from_millis(120);
/// A line appears when its invocation ends, and the next function's may be there first: lines wait so long for older ones.
const ORDER_S: f64 = 0.3;
const DAY_S: f64 = 86_400.0;

/// A loop that is being watched.
#[derive(Debug)]
pub(crate) struct Watch {
    scene: Scene,
    functions: Vec<Function>,
    started: Instant,
    started_s: f64,
    read: HashSet<String>,
    waiting: Vec<(f64, String, Kind)>,
    pub(crate) seen: Seen,
}

/// What was seen of a loop.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The records that reached handlers: function, and place in the chain.
    pub(crate) runs: Vec<(String, Place)>,
    /// The records that did not.
    pub(crate) blocked: Vec<(String, Place)>,
    /// The functions that were tripped.
    pub(crate) tripped: Vec<String>,
    /// Errors that hopguard logged.
    pub(crate) trouble: Vec<String>,
    /// When the last record reached a handler, in seconds from the start.
    pub(crate) last_run_s: f64,
    /// How long the loop was watched.
    pub(crate) watched: Duration,
}

impl Watch {
    /// Starts the clock: to be called right before the first message.
    pub(crate) fn start(scene: Scene, functions: &[&Function]) -> Self {
        Self {
            scene,
            functions: functions.iter().map(|function| (*function).clone()).collect(),
            started: Instant::now(),
            started_s: now_s(),
            read: HashSet::new(),
            waiting: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// Tells each hop as it happens, until the loop was cut and nothing has run since.
    pub(crate) async fn follow(&mut self, teller: &mut Teller) -> Result<()> {
        let mut end = self.started + CUT_WAIT;
        let mut cut = false;
        loop {
            self.look().await?;
            self.tell(teller, self.since(now_s()) - ORDER_S)?;
            if !cut && !self.seen.tripped.is_empty() {
                cut = true;
                end = (Instant::now() + QUIET).max(self.started + WATCHED);
                teller.wait_for("watching whether anything still runs");
            }
            if Instant::now() >= end {
                break;
            }
            if self.read.is_empty() && self.started.elapsed() > FIRST_WAIT {
                let names: Vec<_> = self.functions.iter().map(Function::name).collect();
                bail!("{} did not run within {FIRST_WAIT:?}", names.join(" and "));
            }
            sleep(LOOK).await;
        }
        self.seen.watched = self.started.elapsed();
        self.tell(teller, f64::INFINITY)
    }

    /// How often each function's handler ran.
    pub(crate) fn runs(&self) -> Vec<(String, u64)> {
        let runs_of = |name: &str| {
            let runs = self.seen.runs.iter().filter(|(function, _)| function == name);
            runs.fold(0, |runs, _| runs + 1)
        };
        let names = self.functions.iter().map(Function::name);
        names.map(|name| (name.to_owned(), runs_of(name))).collect()
    }

    /// Reads the logs.
    async fn look(&mut self) -> Result<()> {
        for function in &self.functions {
            for line in function.logs().await? {
                let Some(read) = LogLine::read(&line) else { continue };
                if self.read.insert(line) {
                    let at = self.since(read.at);
                    self.waiting.push((at, function.name().to_owned(), read.kind));
                }
            }
        }
        self.waiting.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
        Ok(())
    }

    /// Tells what happened before `until`.
    fn tell(&mut self, teller: &mut Teller, until: f64) -> Result<()> {
        let ripe = self.waiting.partition_point(|(at, ..)| *at <= until);
        for (at_s, function, kind) in self.waiting.drain(..ripe).collect::<Vec<_>>() {
            let scene = self.scene;
            match kind {
                Kind::Ran(place) => {
                    self.seen.last_run_s = at_s;
                    let Place { chain, hop, visits, .. } = place.clone();
                    let carrier = carrier(&place);
                    teller.tell(&Event::Hop {
                        scene,
                        at_s,
                        function: function.clone(),
                        carrier,
                        hop,
                        visits,
                        chain,
                    })?;
                    self.seen.runs.push((function, place));
                }
                Kind::Blocked { place, reason, limit } => {
                    let Place { chain, hop, visits, .. } = place.clone();
                    let (carrier, name) = (carrier(&place), function.clone());
                    teller.tell(&Event::Blocked {
                        scene,
                        at_s,
                        function: name,
                        carrier,
                        hop,
                        visits,
                        chain,
                        reason,
                        limit,
                    })?;
                    self.seen.blocked.push((function, place));
                }
                Kind::Tripped { prior, chain } => {
                    teller.tell(&Event::Tripped { scene, at_s, function: function.clone(), prior, chain })?;
                    self.seen.tripped.push(function);
                }
                Kind::Trouble(message) => self.seen.trouble.push(format!("{function}: {message}")),
            }
        }
        Ok(())
    }

    /// Seconds since the start, of a time of the day; the day may have ended meanwhile.
    fn since(&self, second_of_day: f64) -> f64 {
        let since = second_of_day - self.started_s;
        if since < -DAY_S / 2.0 { since + DAY_S } else { since }
    }
}

/// What brought the lineage of a record here. A chain's first record has none.
fn carrier(place: &Place) -> Option<&'static str> {
    match place.source.as_str() {
        _ if place.hop == 0 => None,
        "sqs" => Some("message attributes"),
        "s3" => Some("object metadata"),
        _ => Some("other"),
    }
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() % DAY_S
}

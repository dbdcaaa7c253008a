//! `hopguard resume`: gives a tripped function back what it had.

mod plan;
mod probe;

use std::time::{Duration, SystemTime};

use clap::Args;
use hopguard_aws::operator::{Function, Operator, OperatorError, Reserved};
use hopguard_core::Settings;
use serde::Serialize;

use crate::Exit;
use crate::account::AccountArgs;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::page::{BOLD, GREEN, RED, YELLOW};
use crate::status::{Guard, guard};
use crate::terminal::Terminal;
use plan::Restored;
pub(crate) use plan::{Plan, has_cooldown};
use probe::Probe;

/// What `hopguard resume --help` begins with.
pub(crate) const ABOUT: &str = "\
Give tripped functions back the reserved concurrency that they had, and remove the tags of the trip.

What to restore is in the function's tags. Messages that still circle carry their lineage, and are blocked again: mend the loop \
first. With --probe the function runs one at a time for a while, and is resumed only where it does not trip again.

  hopguard resume orders              what the tags say
  hopguard resume orders --probe      at a concurrency of 1 for a minute, then what the tags say
  hopguard resume --all --yes         every tripped function of the Region, without a question
  hopguard resume orders --unreserved whatever the tags say

Exits with 4 where a function tripped again.";

/// What `hopguard resume` is told.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// Names or ARNs of functions
    #[arg(value_name = "FUNCTION", required_unless_present = "all")]
    pub functions: Vec<String>,

    /// Every tripped function of the Region that has hopguard's layer or settings
    #[arg(long, conflicts_with_all = ["functions", "concurrency", "unreserved"])]
    pub all: bool,

    /// A concurrency of 1 first, for so long (1s to 15m)
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "60s", value_parser = probe_time)]
    pub probe: Option<Duration>,

    /// Restore this reserved concurrency instead of what the tags say
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "unreserved")]
    pub concurrency: Option<u32>,

    /// Restore no reserved concurrency, whatever the tags say
    #[arg(long)]
    pub unreserved: bool,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,

    /// Which account, and in which form.
    #[command(flatten)]
    pub account: AccountArgs,
}

impl ResumeArgs {
    fn wish(&self) -> Option<Reserved> {
        match self.concurrency {
            Some(concurrency) => Some(Some(concurrency)),
            None => self.unreserved.then_some(None),
        }
    }
}

fn probe_time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| (Duration::from_secs(1)..=Duration::from_secs(900)).contains(time))
        .ok_or_else(|| "write a time from 1s to 15m, for example --probe=60s".to_owned())
}

/// A function, and what resuming it means.
struct Planned {
    function: Function,
    reserved: Reserved,
    plan: Plan,
    tripped_at: Option<SystemTime>,
    /// Whether there may be a schedule that would restore it, too.
    cooldown: bool,
}

/// How it went with one function.
#[derive(Debug, Serialize)]
struct Resumed {
    function: String,
    outcome: Outcome,
    /// What it has now; `null` where none is reserved or that is not known.
    reserved_concurrency: Reserved,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It runs as before the trip.
    Resumed,
    /// It was not at 0; leftover tags, if any, are removed.
    NotStopped,
    /// It tripped again, and is at 0.
    TrippedAgain,
    /// It is not known what to restore.
    Refused,
    /// AWS did not do it.
    Failed,
}

pub(crate) async fn run(args: &ResumeArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let operator = args.account.connect().await;
    let functions = chosen(&operator, args).await?;
    let mut planned = Vec::new();
    for function in functions {
        let reserved = operator.reserved(&function.arn).await?;
        let tags = operator.tags(&function.arn).await?;
        let plan = Plan::new(reserved, &tags, args.wish());
        if args.all && matches!(plan, Plan::Nothing) {
            continue;
        }
        let cooldown = has_cooldown(&tags) || Settings::read(&function.environment).0.cooldown.is_some();
        let tripped_at = tags.trip.map(|trip| trip.tripped_at);
        planned.push(Planned { function, reserved, plan, tripped_at, cooldown });
    }
    if planned.is_empty() {
        return Err(Failure::nothing("no function with hopguard's layer or settings is at 0 in this Region"));
    }
    let changes: Vec<String> = planned
        .iter()
        .filter(|planned| planned.plan.changes())
        .map(|planned| format!("{}: {}.", planned.function.name, planned.plan.describe(planned.reserved)))
        .collect();
    if !changes.is_empty() {
        if !args.yes {
            terminal.note(&changes.join("\n"));
        }
        if !confirm("A loop that still circles trips it again at its limit. Resume?", args.yes)? {
            terminal.note("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    let mut done = Vec::new();
    for planned in planned {
        let resumed = resume(&operator, planned, args.probe, terminal).await;
        if !args.account.is_json() {
            tell(&resumed, terminal)?;
        }
        done.push(resumed);
    }
    if args.account.is_json() {
        terminal.json(&serde_json::json!({ "schema": "hopguard.resume/1", "functions": done }))?;
    }
    Ok(exit(&done))
}

async fn chosen(operator: &Operator, args: &ResumeArgs) -> Result<Vec<Function>, OperatorError> {
    if args.all {
        let mut functions = operator.functions().await?;
        functions.retain(|function| guard(function) != Guard::Unseen);
        return Ok(functions);
    }
    let mut functions = Vec::new();
    for name in &args.functions {
        functions.push(operator.function(name).await?);
    }
    Ok(functions)
}

async fn resume(
    operator: &Operator,
    planned: Planned,
    probe: Option<Duration>,
    terminal: &mut Terminal,
) -> Resumed {
    let Planned { function, reserved, plan, tripped_at, cooldown } = planned;
    // First, so that it does not come in between.
    if cooldown
        && plan.changes()
        && let Err(error) = operator.cancel_cooldown(&function.arn).await
    {
        let name = &function.name;
        terminal
            .complain(&format!("{name}: its cooldown goes on, and sets its concurrency once more: {error}"));
    }
    let probe = probe.map(|time| Probe { time, tripped_at });
    let told = |outcome, reserved_concurrency, message: String| Resumed {
        function: function.name.clone(),
        outcome,
        reserved_concurrency,
        message,
    };
    match plan {
        Plan::Nothing => told(Outcome::NotStopped, reserved, "it is not at 0: nothing to do".to_owned()),
        Plan::Unclear(why) => told(Outcome::Refused, reserved, why.to_string()),
        Plan::Untag { .. } => match operator.untag(&function.arn).await {
            Ok(()) => told(
                Outcome::NotStopped,
                reserved,
                "it ran already; the tags of the trip are removed".to_owned(),
            ),
            Err(error) => told(Outcome::Failed, reserved, error.to_string()),
        },
        Plan::Restore(to) => match restore(operator, &function, to, probe, terminal).await {
            Ok(true) => told(Outcome::Resumed, to, format!("resumed: {}", Restored(to))),
            Ok(false) => told(
                Outcome::TrippedAgain,
                Some(0),
                "it tripped again, and is at 0: the loop still circles, see hopguard status".to_owned(),
            ),
            Err(error) => told(Outcome::Failed, reserved, error.to_string()),
        },
    }
}

async fn restore(
    operator: &Operator,
    function: &Function,
    to: Reserved,
    probe: Option<Probe>,
    terminal: &mut Terminal,
) -> Result<bool, OperatorError> {
    if let Some(probe) = probe
        && !probe.holds(operator, function, terminal).await?
    {
        return Ok(false);
    }
    operator.resume(&function.arn, to).await
}

fn tell(resumed: &Resumed, terminal: &mut Terminal) -> std::io::Result<()> {
    let style = match resumed.outcome {
        Outcome::Resumed => GREEN,
        Outcome::NotStopped | Outcome::Refused => YELLOW,
        Outcome::TrippedAgain | Outcome::Failed => RED,
    };
    let Resumed { function, message, .. } = resumed;
    terminal.say(&format!("{BOLD}{function}{BOLD:#}  {style}{message}{style:#}\n"))
}

fn exit(done: &[Resumed]) -> Exit {
    let any = |outcome| done.iter().any(|one| one.outcome == outcome);
    if any(Outcome::TrippedAgain) {
        Exit::Attention
    } else if any(Outcome::Failed) || any(Outcome::Refused) {
        Exit::Failed
    } else if done.iter().all(|one| one.outcome == Outcome::NotStopped) {
        Exit::Nothing
    } else {
        Exit::Done
    }
}

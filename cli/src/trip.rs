//! `hopguard trip`: stops a function by hand, as the guard does by itself.

use std::time::Duration;

use clap::Args;
use hopguard_aws::operator::{Function, Operator};
use hopguard_aws::tags::Cause;
use hopguard_aws::{ReservedConcurrency, TripReport};
use hopguard_core::breaker::Outcome;
use serde::Serialize;
use tokio::time::Instant;

use crate::Exit;
use crate::account::AccountArgs;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::page::{BOLD, RED, YELLOW};
use crate::resume::has_cooldown;
use crate::terminal::Terminal;

/// What `hopguard trip --help` begins with.
pub(crate) const ABOUT: &str = "\
Stop functions by hand: set their reserved concurrency to 0, and write into their tags what it was.

It is what the guard does by itself, and what the console's Throttle does without remembering. hopguard resume undoes it.

  hopguard trip orders --reason \"loops since the deployment of 3 o'clock\"";

/// How long a trip may take, with its retries.
const LIMIT: Duration = Duration::from_secs(30);

/// What `hopguard trip` is told.
#[derive(Clone, Debug, Args)]
pub struct TripArgs {
    /// Names or ARNs of functions
    #[arg(value_name = "FUNCTION", required = true)]
    pub functions: Vec<String>,

    /// Why, for whoever resumes it: letters, digits and + - = . _ : / @, at most 240 characters
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    pub reason: String,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,

    /// Which account, and in which form.
    #[command(flatten)]
    pub account: AccountArgs,
}

#[derive(Debug, Serialize)]
struct Tripped {
    function: String,
    outcome: &'static str,
    /// A number, `unreserved` or `unknown`.
    prior: Option<String>,
    message: String,
    warnings: Vec<String>,
    #[serde(skip)]
    stopped: bool,
}

pub(crate) async fn run(args: &TripArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let operator = args.account.connect().await;
    let mut functions = Vec::new();
    for name in &args.functions {
        functions.push(operator.function(name).await?);
    }
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    let question = format!("Nothing will invoke {} until it is resumed. Trip?", names.join(", "));
    if !confirm(&question, args.yes)? {
        terminal.note("Nothing was changed.");
        return Ok(Exit::Done);
    }
    let cause = Cause::by_hand(&args.reason);
    let mut done = Vec::new();
    for function in &functions {
        let tripped = trip(&operator, function, &cause).await;
        if !args.account.is_json() {
            tell(&tripped, terminal)?;
        }
        done.push(tripped);
    }
    if args.account.is_json() {
        terminal.json(&serde_json::json!({ "schema": "hopguard.trip/1", "functions": done }))?;
    }
    Ok(if done.iter().all(|one| one.stopped) { Exit::Done } else { Exit::Failed })
}

async fn trip(operator: &Operator, function: &Function, cause: &Cause) -> Tripped {
    // What a person stops is for a person to resume.
    let pending = operator.tags(&function.arn).await.is_ok_and(|tags| has_cooldown(&tags));
    let cancelled = if pending { Some(operator.cancel_cooldown(&function.arn).await) } else { None };
    let reserved = ReservedConcurrency::new(operator.clients().clone());
    let report = reserved.trip(&function.arn, cause, true, Instant::now() + LIMIT).await;
    let (outcome, mut message, stopped) = words(&report);
    let mut warnings: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
    match cancelled {
        Some(Ok(true)) => message.push_str("; its cooldown is cancelled"),
        Some(Err(error)) => warnings.push(format!("its cooldown goes on, and will resume it: {error}")),
        Some(Ok(false)) | None => {}
    }
    Tripped {
        function: function.name.clone(),
        outcome,
        prior: matches!(report.outcome, Outcome::Tripped { .. }).then(|| report.prior.to_string()),
        message,
        warnings,
        stopped,
    }
}

fn words(report: &TripReport) -> (&'static str, String, bool) {
    let detail = || report.detail.clone().unwrap_or_else(|| "no answer in time".to_owned());
    match report.outcome {
        Outcome::Tripped { .. } => {
            ("tripped", format!("at 0; before: reserved concurrency {}", report.prior), true)
        }
        Outcome::AlreadyTripped => ("already_tripped", "at 0 already: nothing was changed".to_owned(), true),
        Outcome::Denied => {
            let missing = report.missing.unwrap_or("a permission");
            ("denied", format!("not stopped: you may not {missing} ({})", detail()), false)
        }
        Outcome::Throttled => {
            ("throttled", format!("not stopped: Lambda throttles, try again ({})", detail()), false)
        }
        Outcome::Failed => ("failed", format!("not stopped: {}", detail()), false),
    }
}

fn tell(tripped: &Tripped, terminal: &mut Terminal) -> std::io::Result<()> {
    let style = if tripped.stopped { YELLOW } else { RED };
    let mut text = format!("{BOLD}{}{BOLD:#}  {style}{}{style:#}\n", tripped.function, tripped.message);
    for warning in &tripped.warnings {
        text.push_str(&format!("  {YELLOW}warning:{YELLOW:#} {warning}\n"));
    }
    terminal.say(&text)
}

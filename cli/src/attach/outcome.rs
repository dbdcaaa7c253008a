use hopguard_aws::operator::Function;
use serde::Serialize;

use super::apply::Planned;
use super::plan::Plan;
use crate::Exit;
use crate::failure::Failure;
use crate::page::{BOLD, DIM, GREEN, RED, YELLOW};
use crate::terminal::Terminal;

/// A function after its changes.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) function: Function,
    pub(super) plan: Plan,
    pub(super) error: Option<String>,
}

/// What is told in the end.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    schema: &'static str,
    dry_run: bool,
    functions: Vec<One>,
}

#[derive(Debug, Serialize)]
struct One {
    function: String,
    outcome: Outcome,
    /// What was changed, or would be.
    changes: Vec<String>,
    warnings: Vec<String>,
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Changed,
    /// It would be changed.
    Planned,
    /// It was so already.
    Unchanged,
    Refused,
    Failed,
}

impl Answer {
    pub(super) const fn new(schema: &'static str, dry_run: bool) -> Self {
        Self { schema, dry_run, functions: Vec::new() }
    }

    pub(super) fn refused(&mut self, function: &Function, refusal: &str) {
        self.push(function, Outcome::Refused, Plan::default(), Some(refusal.to_owned()));
    }

    /// It is left as it is: there is nothing to change, or nothing is to be changed.
    pub(super) fn planned(&mut self, planned: Planned) {
        let outcome = if planned.changes() { Outcome::Planned } else { Outcome::Unchanged };
        self.push(&planned.function, outcome, planned.plan, None);
    }

    pub(super) fn unchanged(&mut self, function: &Function) {
        self.push(function, Outcome::Unchanged, Plan::default(), None);
    }

    pub(super) fn would(&mut self, function: &Function, plan: Plan) {
        self.push(function, Outcome::Planned, plan, None);
    }

    pub(super) fn done(&mut self, applied: Applied) {
        let outcome = if applied.error.is_some() { Outcome::Failed } else { Outcome::Changed };
        self.push(&applied.function, outcome, applied.plan, applied.error);
    }

    fn push(&mut self, function: &Function, outcome: Outcome, plan: Plan, error: Option<String>) {
        let Plan { steps: changes, warnings, .. } = plan;
        self.functions.push(One { function: function.name.clone(), outcome, changes, warnings, error });
    }

    pub(super) fn tell(&self, json: bool, terminal: &mut Terminal) -> Result<Exit, Failure> {
        if json {
            terminal.json(self)?;
        } else {
            for one in &self.functions {
                terminal.say(&one.text())?;
            }
        }
        let failed = |one: &One| matches!(one.outcome, Outcome::Refused | Outcome::Failed);
        Ok(if self.functions.iter().any(failed) { Exit::Failed } else { Exit::Done })
    }
}

impl One {
    fn text(&self) -> String {
        let (style, words) = match self.outcome {
            Outcome::Changed => (GREEN, "changed"),
            Outcome::Planned => (YELLOW, "would change; without --dry-run it does"),
            Outcome::Unchanged => (DIM, "nothing to change"),
            Outcome::Refused => (RED, "refused"),
            Outcome::Failed => (RED, "failed"),
        };
        let mut text = format!("{BOLD}{}{BOLD:#}  {style}{words}{style:#}\n", self.function);
        for change in &self.changes {
            text.push_str(&format!("  {change}\n"));
        }
        for warning in &self.warnings {
            text.push_str(&format!("  {YELLOW}warning:{YELLOW:#} {warning}\n"));
        }
        if let Some(error) = &self.error {
            text.push_str(&format!("  {RED}{error}{RED:#}\n"));
        }
        text
    }
}

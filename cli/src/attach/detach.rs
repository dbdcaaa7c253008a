use clap::Args;
use hopguard_aws::operator::{Function, Operator};

use super::MannerArgs;
use super::apply::policy_name;
use super::outcome::{Answer, Applied};
use super::plan;
use crate::Exit;
use crate::account::AccountArgs;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// What `hopguard detach --help` begins with.
pub(crate) const ABOUT: &str = "\
Take hopguard's layer off functions again.

Removes the layer, the wrapper, the HOPGUARD_ variables and the role's inline policy; a wrapper that was there before comes back. \
ReportBatchItemFailures, quarantine queues and published layers stay.

  hopguard detach orders --dry-run";

/// What `hopguard detach` is told.
#[derive(Clone, Debug, Args)]
pub struct DetachArgs {
    /// Names or ARNs of functions
    #[arg(value_name = "FUNCTION", required = true)]
    pub functions: Vec<String>,

    /// How to go about it.
    #[command(flatten)]
    pub manner: MannerArgs,

    /// Which account, and in which form.
    #[command(flatten)]
    pub account: AccountArgs,
}

pub(crate) async fn run(args: &DetachArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let operator = args.account.connect().await;
    let mut answer = Answer::new("hopguard.detach/1", args.manner.dry_run);
    let mut planned = Vec::new();
    for name in &args.functions {
        let function = operator.function(name).await?;
        match plan::detach(&function) {
            Ok(plan) if plan.change.is_none() => answer.unchanged(&function),
            Ok(mut plan) => {
                if !args.manner.no_permissions {
                    plan.steps.push(format!(
                        "the inline policy {} is removed from its role",
                        policy_name(&function.name)
                    ));
                }
                if operator.tags(&function.arn).await.is_ok_and(|tags| tags.trip.is_some()) {
                    plan.warnings
                        .push("it is tripped: hopguard resume works without the layer too".to_owned());
                }
                planned.push((function, plan));
            }
            Err(refusal) => answer.refused(&function, &refusal.to_string()),
        }
    }
    if args.manner.dry_run {
        for (function, plan) in planned {
            answer.would(&function, plan);
        }
        return answer.tell(args.account.is_json(), terminal);
    }
    if !planned.is_empty() && !args.manner.yes {
        for (function, plan) in &planned {
            terminal.note(&format!("{}:\n  {}", function.name, plan.steps.join("\n  ")));
        }
        if !confirm("Nothing guards them then. Change that?", args.manner.yes)? {
            terminal.note("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    for (function, plan) in planned {
        let error = apply(&operator, &function, &plan, !args.manner.no_permissions).await.err();
        answer.done(Applied { function, plan, error: error.map(|error| error.to_string()) });
    }
    answer.tell(args.account.is_json(), terminal)
}

/// The role's policy goes last: until then the guard may need it.
async fn apply(
    operator: &Operator,
    function: &Function,
    plan: &plan::Plan,
    permissions: bool,
) -> Result<(), hopguard_aws::operator::OperatorError> {
    if let Some(change) = &plan.change {
        operator.update(function, change).await?;
    }
    if permissions {
        operator.delete_role_policy(&function.role, &policy_name(&function.name)).await?;
    }
    Ok(())
}

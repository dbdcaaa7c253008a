//! `hopguard doctor`: what would keep hopguard from its work on a function, before it has to do it.

mod check;
mod checks;
mod facts;
mod text;

use clap::Args;

use crate::Exit;
use crate::account::AccountArgs;
use crate::failure::Failure;
use crate::status::{Guard, guard};
use crate::terminal::Terminal;
use check::{Examined, Level};
use facts::Facts;

/// What `hopguard doctor --help` begins with.
pub(crate) const ABOUT: &str = "\
Look for what would keep hopguard from its work on a function, before it has to do it.

Changes nothing: it reads the function's configuration, event sources, queues and tags, and asks IAM what the role may do. What \
you may not read is told as not known. Without a name it looks at the functions of the Region that have hopguard's layer or settings.

  hopguard doctor orders

Exits with 4 where something is wrong; a warning alone is not.";

/// What `hopguard doctor` is told.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Names or ARNs of functions [default: every function with hopguard's layer or settings]
    #[arg(value_name = "FUNCTION")]
    pub functions: Vec<String>,

    /// Which account, and in which form.
    #[command(flatten)]
    pub account: AccountArgs,
}

pub(crate) async fn run(args: &DoctorArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let operator = args.account.connect().await;
    let functions = if args.functions.is_empty() {
        let mut functions = operator.functions().await?;
        functions.retain(|function| guard(function) != Guard::Unseen);
        functions
    } else {
        let mut functions = Vec::new();
        for name in &args.functions {
            functions.push(operator.function(name).await?);
        }
        functions
    };
    if functions.is_empty() {
        return Err(Failure::nothing(
            "no function of this Region has hopguard's layer or settings: name one",
        ));
    }
    let mut examined = Vec::new();
    for function in functions {
        let facts = Facts::gather(&operator, function).await;
        let one = Examined { function: facts.function.name.clone(), checks: checks::all(&facts) };
        if !args.account.is_json() {
            terminal.say(&text::render(&one, terminal.width()))?;
        }
        examined.push(one);
    }
    if args.account.is_json() {
        terminal.json(&serde_json::json!({ "schema": "hopguard.doctor/1", "functions": examined }))?;
    }
    let wrong = examined.iter().flat_map(|one| &one.checks).any(|check| check.level == Level::Error);
    Ok(if wrong { Exit::Attention } else { Exit::Done })
}

//! `hopguard status`: which functions are at 0, why, what waits for them, and what resuming would do.

mod gather;
mod model;
mod text;

use std::time::SystemTime;

use clap::Args;

use crate::Exit;
use crate::account::AccountArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;
pub(crate) use gather::guard;
pub(crate) use model::Guard;
use model::Status;

/// What `hopguard status --help` begins with.
pub(crate) const ABOUT: &str = "\
Show which functions are at 0, why, what waits for them, and what resuming would do.

Changes nothing. Without a name it looks at the functions of the Region that have hopguard's layer or a HOPGUARD_ variable, one \
after the other: Lambda allows an account 15 such questions a second, and a breaker somewhere may need them.

  hopguard status                     every guarded function of the Region
  hopguard status orders invoices     these two, in full
  hopguard status --all               every function, guarded or not

Exits with 4 where one is at 0 or on probation.";

/// What `hopguard status` is told.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Names or ARNs of functions [default: every function with hopguard's layer or settings]
    #[arg(value_name = "FUNCTION")]
    pub functions: Vec<String>,

    /// Every function of the Region, with hopguard or without
    #[arg(long, conflicts_with = "functions")]
    pub all: bool,

    /// Which account, and in which form.
    #[command(flatten)]
    pub account: AccountArgs,
}

pub(crate) async fn run(args: &StatusArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let operator = args.account.connect().await;
    let named = !args.functions.is_empty();
    let mut errors = Vec::new();
    let (functions, listed) = if named {
        let mut functions = Vec::new();
        for name in &args.functions {
            match operator.function(name).await {
                Ok(function) => functions.push(function),
                Err(error) => errors.push(error.to_string()),
            }
        }
        (functions, None)
    } else {
        let mut functions = operator.functions().await?;
        let listed = functions.len();
        functions.retain(|function| args.all || gather::guard(function) != Guard::Unseen);
        (functions, Some(listed))
    };
    let mut status = Status {
        schema: "hopguard.status/1",
        region: operator.region().await,
        listed,
        functions: Vec::new(),
        errors,
    };
    for function in &functions {
        match gather::status(&operator, function, named).await {
            Ok(found) => status.functions.push(found),
            Err(error) => status.errors.push(error.to_string()),
        }
    }
    // What is stopped comes first.
    status.functions.sort_by_key(|function| !function.state.is_stopped());
    if args.account.is_json() {
        terminal.json(&status)?;
    } else {
        terminal.say(&text::render(&status, terminal.width(), SystemTime::now()))?;
        for error in &status.errors {
            terminal.complain(error);
        }
    }
    Ok(exit(&status))
}

fn exit(status: &Status) -> Exit {
    if status.functions.iter().any(|function| function.state.is_stopped()) {
        Exit::Attention
    } else if !status.errors.is_empty() {
        Exit::Failed
    } else if status.functions.is_empty() {
        Exit::Nothing
    } else {
        Exit::Done
    }
}

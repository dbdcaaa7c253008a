//! The demo: two real loops on a local Lambda cloud, cut by hopguard, how they are resumed, what one of them does without it, and what
//! waiting costs.
//!
//! `cargo xtask demo` builds this program with the functions that it deploys, and runs it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a demo talks to its terminal")]

mod event;
mod log_line;
mod message_loop;
mod object_loop;
mod on_call;
mod paint;
mod stage;
mod story;
mod teller;
mod text;
mod unguarded;
mod waits;
mod watch;

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use hopguard_tests::{Kit, Progress, Tool, Toolbox};
use tokio::signal::unix::{SignalKind, signal};

use crate::teller::Teller;

/// How long the runtime may take to end: an interrupted installation would hold it up.
const END_WAIT: Duration = Duration::from_millis(500);

enum Request {
    Text,
    Json,
    /// What the cloud needs.
    Install,
    /// What functions with a layer need.
    Equip(Kit),
}

fn main() -> ExitCode {
    let done = request().and_then(|request| {
        let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
        let done = runtime.block_on(until_interrupted(request));
        runtime.shutdown_timeout(END_WAIT);
        done
    });
    match done {
        Ok(code) => code,
        // Whoever read the story has heard enough, as with `| head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn request() -> Result<Request> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(Request::Text),
        ["--json"] => Ok(Request::Json),
        ["--install"] => Ok(Request::Install),
        ["--install", "emulator"] => Ok(Request::Equip(Kit::Emulator)),
        ["--install", "python"] => Ok(Request::Equip(Kit::Python)),
        ["--install", "node"] => Ok(Request::Equip(Kit::Node)),
        ["--install", "chromium"] => Ok(Request::Equip(Kit::Chromium)),
        ["--install", "prometheus"] => Ok(Request::Equip(Kit::Prometheus)),
        ["--install", "grafana"] => Ok(Request::Equip(Kit::Grafana)),
        _ => bail!("start it with `cargo xtask demo` or `cargo xtask demo --json`"),
    }
}

/// Tells the story, unless a signal ends it: then the cloud is dropped, and with it every process that it started.
async fn until_interrupted(request: Request) -> Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut hang_up = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let number = tokio::select! {
        done = serve(request) => return done,
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        _ = hang_up.recv() => SignalKind::hangup().as_raw_value(),
    };
    eprintln!("\ninterrupted: the cloud and its functions have ended");
    // As a shell shows a command that a signal ended.
    Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(u8::MAX)))
}

async fn serve(request: Request) -> Result<ExitCode> {
    let mut teller = match request {
        Request::Text => Teller::text(),
        Request::Json => Teller::json(),
        Request::Install => {
            return install(|toolbox, progress| {
                toolbox.install(Tool::Ministack, progress)?;
                toolbox.install(Tool::Microburst, progress)?;
                toolbox.install(Tool::Rotel, progress)
            })
            .await;
        }
        Request::Equip(kit) => {
            return install(move |toolbox, progress| Ok(toolbox.equip(kit, progress)?)).await;
        }
    };
    let unmet = story::tell(&mut teller).await?;
    Ok(if unmet == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn install(work: impl FnOnce(&Toolbox, &Progress) -> Result<()> + Send + 'static) -> Result<ExitCode> {
    let installing = tokio::task::spawn_blocking(|| {
        let progress: Progress = Arc::new(|line| println!("    {line}"));
        work(&Toolbox::new(), &progress)
    });
    installing.await.context("the installation was interrupted")??;
    Ok(ExitCode::SUCCESS)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

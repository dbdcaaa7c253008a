//! An execution environment: AWS's emulator in a file system of its own, with a layer at /opt.
//!
//! `environment SPEC` makes the environment that a file of the harness describes. As a function's `bootstrap` it takes the events
//! of the cloud's Runtime API one by one, has the emulator run each, and hands the outcomes back; with an address in the file, the
//! emulator listens there, and whoever wants to invokes it.

#![allow(clippy::print_stderr, reason = "what it prints is the log of a function")]

mod emulator;
mod http;
mod layers;
mod relay;
mod walls;

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use hopguard_tests::Spec;

use emulator::Emulator;

/// The first argument inside the walls.
const INSIDE: &str = "--inside";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [INSIDE, spec] => inside(Path::new(spec)),
        [spec] => walls::enter(&[INSIDE, spec]),
        _ => Err(anyhow::anyhow!("start it with the file that describes an environment")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("environment: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn inside(file: &Path) -> Result<()> {
    let mut spec = Spec::read(file)?;
    let folder = file.parent().context("the description is in no folder")?;
    // It stays reachable under its relative name, whatever is mounted over it.
    std::env::set_current_dir(folder).context("cannot enter the folder of the description")?;
    if spec.layers {
        spec.mounts.extend(layers::configured()?);
    }
    walls::furnish(&spec)?;
    let mut emulator = Emulator::start(&spec)?;
    if spec.address.is_some() {
        return emulator.serve();
    }
    let Ok(runtime_api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        bail!(
            "AWS_LAMBDA_RUNTIME_API is not set: this is started by a cloud, or with an address in its description"
        );
    };
    relay::run(&runtime_api, &mut emulator)
}

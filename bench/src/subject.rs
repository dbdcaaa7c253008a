//! What is measured, and what it is measured against.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::collector::Collector;
use crate::lambda::Lambda;
use crate::process::Process;
use crate::quota::Quota;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The layer's extension.
    Hopguard,
    /// An extension on the `lambda-extension` crate that does nothing.
    Bare,
    /// A Runtime API proxy that only copies.
    Copy,
}

impl Subject {
    /// Its program, beside this one.
    pub(crate) fn program(self) -> Result<PathBuf> {
        let name = match self {
            Self::Hopguard => "hopguard-extension",
            Self::Bare => "bench-bare",
            Self::Copy => "bench-copy",
        };
        let own = std::env::current_exe().context("cannot find this program's own path")?;
        let program = own.parent().context("this program is in no folder")?.join(name);
        ensure!(program.is_file(), "{} is not there: run `cargo xtask bench layer`", program.display());
        Ok(program)
    }

    /// Starts it in an environment of its own.
    pub(crate) fn start(
        self,
        collector: &Collector,
        variables: &[(&str, &str)],
        quota: Option<&Quota>,
    ) -> Result<(Lambda, Process)> {
        let lambda = Lambda::start()?;
        let endpoint = format!("http://{}", collector.address());
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let variables: Vec<_> = variables.chain([("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).collect();
        let process = Process::start(&self.program()?, lambda.address(), &variables, quota)?;
        Ok((lambda, process))
    }
}

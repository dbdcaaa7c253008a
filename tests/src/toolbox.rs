//! The Python programs that the test bed runs, installed below `target/` and nowhere else.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};

use crate::lock::exclusively;

/// The oldest Python that the tools run on.
const OLDEST_PYTHON: (u32, u32) = (3, 10);

/// Where the caller wants to hear what takes long: one line at a time, without a newline.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// Progress for who names no other place.
pub(crate) fn on_stderr() -> Progress {
    Arc::new(|line| {
        // Nobody is there to hear that nobody listens.
        let _ = writeln!(io::stderr(), "testbed: {line}");
    })
}

/// A pinned program from the Python package index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The cloud: Lambda, SQS, SNS, S3 and their plumbing on one loopback port.
    Ministack,
    /// The fault proxy, which answers some calls with errors of AWS's own shape.
    Microburst,
    /// A third party's OpenTelemetry collector.
    Rotel,
}

impl Tool {
    /// The packages and their versions, as pip reads them, separated by blanks.
    #[must_use]
    pub fn requirement(self) -> &'static str {
        match self {
            // The second is what it decodes PutMetricData with, as the SDK sends it.
            Self::Ministack => "ministack==1.5.33 cbor2==6.3.0",
            Self::Microburst => "microburst==0.10.0",
            Self::Rotel => "rotel==0.0.1a15",
        }
    }

    /// The Python program that starts it, as `python -c` reads it.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Ministack => include_str!("ministack.py"),
            Self::Microburst => "from microburst.cli import main; main()",
            // A program that its package brings, and would run as a daemon only.
            Self::Rotel => {
                "import os, sys, importlib.util as find; \
                 agent = os.path.join(os.path.dirname(find.find_spec('rotel').origin), 'rotel-agent'); \
                 os.execv(agent, [agent, *sys.argv[1:]])"
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ministack => "ministack",
            Self::Microburst => "microburst",
            Self::Rotel => "rotel",
        }
    }
}

/// The folder `target/testbed` of this workspace, with a Python environment in `venv`.
#[derive(Debug, Clone)]
pub struct Toolbox {
    root: PathBuf,
}

impl Toolbox {
    /// The toolbox of this workspace. Nothing is installed yet.
    #[must_use]
    pub fn new() -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
        Self::at(workspace.join("target").join("testbed"))
    }

    /// A toolbox in another folder.
    #[must_use]
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder that holds everything which the test bed writes.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The environment's own Python.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.venv().join("bin").join("python3")
    }

    /// Installs `tool` unless its pinned version is there. Safe to call from many processes at once: one installs,
    /// the others wait. Blocks for about 20 seconds the first time.
    ///
    /// # Errors
    /// Where there is no Python 3.10 with `venv`, or where pip cannot install the package.
    pub fn install(&self, tool: Tool, progress: &Progress) -> Result<()> {
        if self.installed(tool) {
            return Ok(());
        }
        exclusively(&self.root.join("venv.lock"), || {
            if self.installed(tool) {
                return Ok(());
            }
            let python = self.prepare_venv(progress)?;
            progress(&format!("installing {} in target/testbed/venv (once)", tool.requirement()));
            run(Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(tool.requirement().split(' ')))
            .with_context(|| {
                format!("cannot install {}; is a Python package index reachable?", tool.requirement())
            })?;
            fs::write(self.marker(tool), tool.requirement())
                .context("cannot write the marker of an installed tool")
        })
    }

    /// Creates the Python environment unless it is there, and returns its Python.
    pub(crate) fn prepare_venv(&self, progress: &Progress) -> Result<PathBuf> {
        let ready = self.venv().join(".ready");
        if !ready.exists() {
            exclusively(&self.root.join("venv-creation.lock"), || {
                if ready.exists() {
                    return Ok(());
                }
                progress("creating a Python environment in target/testbed/venv (once)");
                self.create_venv()?;
                fs::write(&ready, "").context("cannot write the marker of the Python environment")
            })?;
        }
        Ok(self.python())
    }

    fn venv(&self) -> PathBuf {
        self.root.join("venv")
    }

    fn marker(&self, tool: Tool) -> PathBuf {
        self.venv().join(format!(".{}", tool.name()))
    }

    fn installed(&self, tool: Tool) -> bool {
        fs::read_to_string(self.marker(tool)).is_ok_and(|pin| pin == tool.requirement())
    }

    fn create_venv(&self) -> Result<()> {
        let (major, minor) = python_version()?;
        if (major, minor) < OLDEST_PYTHON {
            bail!(
                "python3 is {major}.{minor}, but the test bed needs {}.{}: put a newer python3 first in PATH",
                OLDEST_PYTHON.0,
                OLDEST_PYTHON.1
            );
        }
        // A virtual environment cannot be moved, so it is made in place, and one that was left half made is cleared.
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(self.venv())).context(
            "cannot create a virtual environment; on Debian and Ubuntu the package python3-venv is needed",
        )
    }
}

impl Default for Toolbox {
    fn default() -> Self {
        Self::new()
    }
}

fn python_version() -> Result<(u32, u32)> {
    let output = Command::new("python3").args(["-c", "import sys; print(*sys.version_info[:2])"]).output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("there is no python3 in PATH: install Python 3.10 or newer")
        }
        other => other.context("cannot run python3")?,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut parts = text.split_whitespace().map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => bail!("python3 does not tell its version: {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// Runs it to its end; what it writes is shown only where it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} failed ({}): {}", output.status, said.trim());
    }
    Ok(())
}

//! AWS's emulator as a child process.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use hopguard_tests::{Cloud, END, Outcome, Spec};

use crate::http::{self, Answer};

/// How long it may take until it listens.
const START_WAIT: Duration = Duration::from_secs(20);
/// What an invocation may take beyond its timeout: the init that the first one causes, and a shutdown of what timed out.
const MARGIN: Duration = Duration::from_secs(20);
/// How long extensions and runtime have for SHUTDOWN: two seconds, and some more on a busy machine.
const END_WAIT: Duration = Duration::from_secs(6);
/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(10);

/// Variables of this process that are not the function's, but those of the cloud and of the harness.
const FOREIGN: [&str; 9] = [
    "AWS_LAMBDA_RUNTIME_API",
    "BIND_HOST",
    "GATEWAY_PORT",
    "LAMBDA_ASYNC_RETRY_BASE_SECONDS",
    "MINISTACK_HOST",
    "PWD",
    "S3_DATA_DIR",
    "STATE_DIR",
    "TMPDIR",
];

pub(crate) struct Emulator {
    child: Child,
    address: SocketAddr,
    deadline: Duration,
}

impl Emulator {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(spec: &Spec) -> Result<Self> {
        let (address, runtime_api) = addresses(spec)?;
        let mut command = Command::new("/var/rapid/emulator");
        // The log is the function's: of the emulator's own remarks, errors alone.
        command.args(["--log-level", "error", "--runtime-interface-emulator-address", &address.to_string()]);
        command.args(["--runtime-api-address", &runtime_api.to_string(), &spec.command]);
        for name in FOREIGN {
            command.env_remove(name);
        }
        for (name, path) in &spec.paths {
            let own = std::env::var(name).map(|own| format!("{own}:")).unwrap_or_default();
            command.env(name, format!("{own}{path}"));
        }
        command.envs(&spec.variables);
        if let Ok(name) = std::env::var("AWS_LAMBDA_FUNCTION_NAME") {
            command.env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"));
        }
        // For the emulator, which has no other way to be told; Lambda sets no such variables.
        if std::env::var_os("AWS_LAMBDA_MAX_CONCURRENCY").is_some() {
            command.env("AWS_ACCOUNT_ID", Cloud::ACCOUNT);
        }
        command.env("AWS_LAMBDA_FUNCTION_TIMEOUT", spec.timeout_s.to_string());
        let child = command.current_dir("/var/task").stdin(Stdio::null()).spawn();
        let child = child.context("cannot start the emulator")?;
        let mut emulator = Self { child, address, deadline: Duration::from_secs(spec.timeout_s) + MARGIN };
        let until = Instant::now() + START_WAIT;
        while TcpStream::connect(address).is_err() {
            emulator.check()?;
            if Instant::now() >= until {
                bail!("the emulator does not listen after {START_WAIT:?}");
            }
            thread::sleep(LOOK);
        }
        emulator.check()?;
        Ok(emulator)
    }

    /// Has it run an invocation. An error is the end of the environment, and not the function's.
    pub(crate) fn invoke(&self, headers: &[(&str, &str)], event: &[u8]) -> Result<Outcome> {
        let path = "/2015-03-31/functions/function/invocations";
        let answer = http::send(&self.address.to_string(), "POST", path, headers, event, Some(self.deadline));
        let Answer { status, headers, body } = answer.context("the emulator does not answer")?;
        let marked = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("error-type"));
        Ok(Outcome::of_emulator(status, marked, body))
    }

    /// Waits until it ends, or until the harness asks for its end.
    pub(crate) fn serve(&mut self) -> Result<()> {
        while !fs::exists(END).unwrap_or_default() {
            self.check()?;
            thread::sleep(LOOK);
        }
        // The standard library sends only SIGKILL.
        let ask = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        ask.context("cannot start kill")?;
        let until = Instant::now() + END_WAIT;
        while Instant::now() < until {
            if self.child.try_wait().context("cannot wait for the emulator")?.is_some() {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        bail!("the emulator has not ended {END_WAIT:?} after SIGTERM")
    }

    fn check(&mut self) -> Result<()> {
        match self.child.try_wait().context("cannot wait for the emulator")? {
            Some(status) => bail!("the emulator ended ({status})"),
            None => Ok(()),
        }
    }
}

/// Where the emulator listens for invocations, and where for its runtime and extensions.
///
/// Environments run side by side on one loopback interface, and a port that is free now may be taken a moment later. So each
/// has an address of its own in 127.64.0.0/10: made of its process id, which nobody has at the same time.
fn addresses(spec: &Spec) -> Result<(SocketAddr, SocketAddr)> {
    // The id outside of the walls: /proc shows the machine's.
    let process = fs::read_link("/proc/self").context("cannot read /proc/self")?;
    let process = process.to_string_lossy().parse::<u32>().context("/proc/self is no number")?;
    let own = Ipv4Addr::from_bits(Ipv4Addr::new(127, 64, 0, 0).to_bits() | (process & 0x003f_ffff));
    Ok((spec.address.unwrap_or(SocketAddr::from((own, 9000))), SocketAddr::from((own, 9001))))
}

//! An extension's process.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::quota::Quota;

/// A private `/tmp/hopguard`, where extensions publish their addresses; some work; then the program. It waits before each.
const SCRIPT: &str = r#"
mkdir -p /tmp/hopguard && mount -t tmpfs tmpfs /tmp/hopguard && echo && read -r rounds || exit 1
while [ "$rounds" -gt 0 ]; do rounds=$((rounds - 1)); done
echo && read -r go && exec "$0" >/dev/null 2>&1
"#;
const SECONDS_TO_LIVE: Duration = Duration::from_secs(4);
const KB: f64 = 1024.0;

/// A process that ends with this value, and with this program.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The processor's time that went before it was the extension.
    before: Duration,
    /// When it became the extension.
    pub(crate) started: Instant,
}

/// In MB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) peak: f64,
}

impl Process {
    /// Starts an extension: prepared to the last step, so that the clock starts with its `exec`.
    pub(crate) fn start(
        program: &Path,
        lambda: SocketAddr,
        variables: &[(&str, String)],
        quota: Option<&Quota>,
    ) -> Result<Self> {
        let mut command = Command::new("unshare");
        if !is_root()? {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "setpriv", "--pdeathsig", "KILL", "sh", "-c", SCRIPT]).arg(program);
        command.env_clear().env("AWS_LAMBDA_RUNTIME_API", lambda.to_string());
        for (name, value) in ENVIRONMENT {
            command.env(name, value);
        }
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start unshare (util-linux)")?;
        let mut stdin = child.stdin.take().context("no pipe")?;
        let mut stdout = child.stdout.take().context("no pipe")?;
        let mut this = Self { child, before: Duration::ZERO, started: Instant::now() };
        let mut line = [0];
        stdout.read_exact(&mut line).context("no mount namespace of its own")?;
        let rounds = quota.map_or(Ok(0), |quota| quota.take(this.child.id()))?;
        writeln!(stdin, "{rounds}")?;
        stdout.read_exact(&mut line).context("it has ended")?;
        this.before = this.processor()?;
        this.started = Instant::now();
        stdin.write_all(b"\n").context("it has ended")?;
        Ok(this)
    }

    /// The processor's time so far, of all its threads.
    pub(crate) fn processor(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(self.file("task"))? {
            let text = fs::read_to_string(task?.path().join("schedstat")).context("no schedstat")?;
            nanos += text.split(' ').next().unwrap_or_default().parse::<u64>().context("no schedstat")?;
        }
        Ok(Duration::from_nanos(nanos).saturating_sub(self.before))
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let value = |file: &str, name: &str| -> Result<f64> {
            let text = fs::read_to_string(self.file(file))?;
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kb = line.and_then(|line| line.split_ascii_whitespace().next());
            Ok(kb.with_context(|| format!("no {name}"))?.parse::<f64>()? / KB)
        };
        Ok(Memory { resident: value("smaps_rollup", "Rss:")?, peak: value("status", "VmHWM:")? })
    }

    /// Forgets the peak of its memory.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        fs::write(self.file("clear_refs"), "5").context("cannot reset the peak of memory")
    }

    /// Where one of its parts listens, as it has published.
    pub(crate) fn listens(&self, part: &str) -> Result<SocketAddr> {
        let file = self.file("root/tmp/hopguard/addresses");
        let text = fs::read_to_string(file).context("no addresses published")?;
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let (_, address) =
            lines.find(|(name, _)| *name == part).with_context(|| format!("{part} does not listen"))?;
        Ok(address.parse()?)
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> Result<Instant> {
        let deadline = Instant::now() + SECONDS_TO_LIVE;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(Instant::now());
            }
            thread::sleep(Duration::from_micros(100));
        }
        bail!("it has not ended {SECONDS_TO_LIVE:?} after SHUTDOWN")
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_root() -> Result<bool> {
    let status = fs::read_to_string("/proc/self/status")?;
    Ok(status.lines().any(|line| line.starts_with("Uid:\t0\t0")))
}

/// What Lambda sets for an extension.
const ENVIRONMENT: [(&str, &str); 14] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/24/[$LATEST]0"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_SESSION_TOKEN", "test"),
    ("HOPGUARD_OTLP_PORT", "0"),
    ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
    ("LANG", "en_US.UTF-8"),
];

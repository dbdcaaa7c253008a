//! A server process that never outlives the test that started it.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result, bail};

use crate::toolbox::{Tool, Toolbox};

/// How old a log of an earlier run may grow before it goes.
const LOG_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the end of a server may take before the test stops waiting for it.
const END_WAIT: Duration = Duration::from_secs(5);

/// A server with a port, a temporary folder and a log of its own.
///
/// It runs below a supervisor that ends it, and every process it started, when this value is dropped or when the test
/// process dies in any way.
#[derive(Debug)]
pub(crate) struct Supervised {
    child: Child,
    log: PathBuf,
    port: u16,
}

/// What a [`Supervised`] needs to know before it starts.
#[derive(Debug)]
pub(crate) struct Launch {
    command: Vec<OsString>,
    pub(crate) environment: BTreeMap<OsString, OsString>,
    pub(crate) port: u16,
    pub(crate) scratch: PathBuf,
    log: PathBuf,
}

impl Launch {
    /// Chooses a port and makes the folders. The port is free now; that nobody takes it before the tool binds it cannot
    /// be promised, so the caller tries again where the tool could not.
    pub(crate) fn new(toolbox: &Toolbox, name: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("{name}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let scratch = toolbox.root().join("tmp").join(&unique);
        fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        let logs = toolbox.root().join("log");
        fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        discard_old(&logs);
        let mut environment = BTreeMap::new();
        // Nothing of the developer's environment reaches the server, for the server hands its own to the functions:
        // a stray HOPGUARD_ or AWS_ variable would change what is tested.
        for name in ["PATH", "HOME", "LANG"] {
            if let Some(value) = std::env::var_os(name) {
                environment.insert(name.into(), value);
            }
        }
        environment.insert("TMPDIR".into(), scratch.clone().into());
        Ok(Self {
            command: Vec::new(),
            environment,
            port: free_port()?,
            log: logs.join(format!("{unique}.log")),
            scratch,
        })
    }

    pub(crate) fn variable(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> &mut Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// The program is one of the toolbox.
    pub(crate) fn tool(&mut self, toolbox: &Toolbox, tool: Tool) -> &mut Self {
        self.argument(toolbox.python()).argument("-c").argument(tool.program())
    }

    /// A word of the command: first its program, then its arguments.
    pub(crate) fn argument(&mut self, word: impl AsRef<OsStr>) -> &mut Self {
        self.command.push(word.as_ref().to_owned());
        self
    }

    pub(crate) fn start(self, toolbox: &Toolbox) -> Result<Supervised> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let errors = output.try_clone().context("cannot share the log")?;
        let child = Command::new(toolbox.python())
            .args(["-S", "-c", include_str!("supervisor.py")])
            .arg(&self.scratch)
            .args(&self.command)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in a terminal goes to the foreground group. The supervisor is to hear of it from the test.
            .process_group(0)
            .spawn()
            .context("cannot start the test bed's Python")?;
        Ok(Supervised { child, log: self.log, port: self.port })
    }
}

impl Supervised {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server writes what it does. The file outlives the server by a day.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Fails where the server has ended, with the last lines of its log.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("cannot ask for the state of a server")? {
            bail!("the server ended ({status}). Its log {} ends with:\n{}", self.log.display(), self.tail());
        }
        Ok(())
    }

    /// Whether the server has ended of itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().context("cannot ask for the state of a server")?.is_some())
    }

    /// The end of the log, for an error message.
    pub(crate) fn tail(&self) -> String {
        const ENOUGH: u64 = 2_000;
        let read = || -> Result<String> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        read().unwrap_or_else(|error| format!("(the log cannot be read: {error})"))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + END_WAIT;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot bind a loopback port")?;
    Ok(listener.local_addr().context("a bound port has no address")?.port())
}

fn discard_old(logs: &Path) {
    let Ok(entries) = fs::read_dir(logs) else { return };
    for entry in entries.flatten() {
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
        if age.is_ok_and(|age| age > LOG_KEPT) {
            // Another test may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
}

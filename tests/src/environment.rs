//! One execution environment without a cloud: invocations go straight to AWS's emulator.

pub(crate) mod outcome;
pub(crate) mod spec;

use std::{
    collections::BTreeMap,
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::{
    net::TcpStream,
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{
    cloud::Cloud,
    eventually::eventually,
    http::Request,
    invoke::Answer,
    layer::Layer,
    runtime::Runtime,
    supervised::{Launch, Supervised},
    toolbox::{self, Toolbox},
};
use outcome::Outcome;

/// How long an environment may take until its emulator listens.
const START_WAIT: Duration = Duration::from_secs(30);
/// How often it is started anew where another process took its port.
const START_ATTEMPTS: u32 = 3;
/// What an invocation may take beyond its timeout: the init that the first one causes, and the way there and back.
const MARGIN: Duration = Duration::from_secs(20);
/// How soon an invocation is tried again that no process was free for.
const LOOK: Duration = Duration::from_millis(20);
/// SHUTDOWN gives two seconds; the rest is for a busy machine.
const END_WAIT: Duration = Duration::from_secs(10);

/// A running execution environment, which ends when this value is dropped.
///
/// A function on a [`Cloud`] has as many as it has invocations at once, and each is one of these inside; see
/// [`FunctionBuilder::layered`](crate::FunctionBuilder::layered). This one is for what the cloud does not bring to a function: a
/// client context, a trace header, several invocations at once (managed instances), and an orderly shutdown.
#[derive(Debug)]
pub struct Environment {
    server: Mutex<Supervised>,
    port: u16,
    timeout: Duration,
    end: PathBuf,
}

/// An environment to start, from [`Environment::builder`].
#[derive(Debug)]
pub struct Builder {
    layer: Layer,
    runtime: Runtime,
    name: String,
    variables: BTreeMap<String, String>,
    timeout: Duration,
}

/// One invocation: an event and what comes with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    event: String,
    headers: Vec<(&'static str, String)>,
}

impl Environment {
    /// An environment of a function called `function`, with a timeout of 30 seconds.
    #[must_use]
    pub fn builder(layer: Layer, runtime: Runtime) -> Builder {
        Builder {
            layer,
            runtime,
            name: "function".to_owned(),
            variables: BTreeMap::new(),
            timeout: Duration::from_secs(30),
        }
    }

    /// Invokes the function and waits for the answer. A second invocation at the same time is for managed instances only
    /// ([`Builder::concurrency`]): otherwise AWS's emulator crashes.
    ///
    /// # Errors
    /// Where no answer comes in time. A failure of the function is an [`Answer`].
    pub async fn invoke(&self, invocation: impl Into<Invocation>) -> Result<Answer> {
        let invocation = invocation.into();
        let deadline = Instant::now() + START_WAIT;
        loop {
            let answer = self
                .attempt(&invocation)
                .await
                .with_context(|| format!("its log ends with:\n{}", self.log_end()))?;
            // A runtime of several processes is ready when the first of them is. Lambda waits for the others, the emulator does
            // not; nobody has seen the event.
            if answer.payload.get("errorType").is_none_or(|kind| kind != "Runtime.Unavailable")
                || Instant::now() >= deadline
            {
                return Ok(answer);
            }
            sleep(LOOK).await;
        }
    }

    async fn attempt(&self, invocation: &Invocation) -> Result<Answer> {
        let path = "/2015-03-31/functions/function/invocations";
        let event = invocation.event.clone();
        let mut request = Request::post(path, "application/json", event).within(self.timeout + MARGIN);
        for (name, value) in &invocation.headers {
            request = request.header(name, value);
        }
        let reply = request.reply(self.port).await?;
        let marked = reply.head.lines().any(|line| line.to_ascii_lowercase().starts_with("error-type:"));
        let (error, body) = match Outcome::of_emulator(reply.status, marked, reply.body.into_bytes()) {
            Outcome::Answered(body) => (None, body),
            Outcome::Failed(body) => (Some("Unhandled".to_owned()), body),
        };
        let payload = match body.as_slice() {
            [] => Value::Null,
            body => serde_json::from_slice(body).context("the answer is not JSON")?,
        };
        Ok(Answer { error, payload })
    }

    /// The lines that the emulator, the extensions and the runtime have printed.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn log(&self) -> Result<Vec<String>> {
        let text = fs::read(self.server().log()).context("cannot read the log of an environment")?;
        Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
    }

    /// Ends it as Lambda does: extensions get SHUTDOWN, and what still runs two seconds later is killed. Returns what it printed.
    ///
    /// # Errors
    /// Where it does not end.
    pub async fn shut_down(self) -> Result<Vec<String>> {
        fs::write(&self.end, "").context("the environment is gone")?;
        eventually("the environment to end", END_WAIT, async || Ok(self.server().has_ended()?.then_some(())))
            .await?;
        self.log()
    }

    fn server(&self) -> MutexGuard<'_, Supervised> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_end(&self) -> String {
        self.server().tail()
    }
}

impl Builder {
    /// The function's name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Sets an environment variable of the function.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Lets SDK clients in it call this cloud.
    #[must_use]
    pub fn on(self, cloud: &Cloud) -> Self {
        self.env("AWS_ENDPOINT_URL", cloud.endpoint())
    }

    /// Makes it one of Lambda Managed Instances, which takes so many invocations at once. Its init comes at its start, its
    /// extensions run as another user (so this needs root) and get no INVOKE, and its Telemetry API is real. The Node.js client
    /// of the test bed has no such mode.
    #[must_use]
    pub fn concurrency(self, invocations: u32) -> Self {
        self.env("AWS_LAMBDA_MAX_CONCURRENCY", invocations.to_string())
    }

    /// How long an invocation may take, in whole seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Installs what is missing, and starts it. In classic mode its init comes with the first invocation.
    ///
    /// # Errors
    /// [`Missing`](crate::Missing) in the chain of causes where this machine lacks something; else with the end of its log.
    pub async fn start(self) -> Result<Environment> {
        let toolbox = Toolbox::new();
        let mut attempt = 1;
        loop {
            match self.launch(&toolbox).await {
                Ok(environment) => return Ok(environment),
                Err(error) if attempt == START_ATTEMPTS || error.is::<crate::Missing>() => {
                    return Err(error.context("the environment did not start"));
                }
                Err(_) => attempt += 1,
            }
        }
    }

    async fn launch(&self, toolbox: &Toolbox) -> Result<Environment> {
        let (runtime, own) = (self.runtime.clone(), toolbox.clone());
        let mut spec = spawn_blocking(move || runtime.prepare(&own, &toolbox::on_stderr()))
            .await
            .context("the installation was interrupted")??;
        let mut launch = Launch::new(toolbox, "environment")?;
        let (port, scratch) = (launch.port, launch.scratch.clone());
        spec.mounts.extend(self.layer.mounts()?);
        spec.address = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        spec.timeout_s = self.timeout.as_secs();
        let file = scratch.join("environment.json");
        fs::write(&file, spec.text()?).context("cannot describe an environment")?;
        launch
            .argument(launcher()?)
            .argument(&file)
            .variable("AWS_REGION", Cloud::REGION)
            .variable("AWS_DEFAULT_REGION", Cloud::REGION)
            .variable("AWS_ACCESS_KEY_ID", "test")
            .variable("AWS_SECRET_ACCESS_KEY", "test")
            .variable("AWS_SESSION_TOKEN", "test")
            .variable("AWS_LAMBDA_FUNCTION_NAME", &self.name)
            .variable("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        for (name, value) in &self.variables {
            launch.variable(name, value);
        }
        let mut server = launch.start(toolbox)?;
        eventually("the emulator to listen", START_WAIT, async || {
            if server.has_ended()? {
                return Ok(Some(()));
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).await.is_ok().then_some(()))
        })
        .await?;
        server.check()?;
        Ok(Environment {
            server: Mutex::new(server),
            port,
            timeout: self.timeout,
            end: scratch.join(spec::END),
        })
    }
}

impl Invocation {
    /// An invocation with this event, to the byte.
    #[must_use]
    pub fn new(event: impl Into<String>) -> Self {
        Self { event: event.into(), headers: Vec::new() }
    }

    /// Its request id, a UUID.
    #[must_use]
    pub fn request_id(self, id: &str) -> Self {
        self.header("X-Amzn-RequestId", id.to_owned())
    }

    /// Its client context, as the Base64 text of a JSON object.
    #[must_use]
    pub fn client_context(self, base64: &str) -> Self {
        self.header("X-Amz-Client-Context", base64.to_owned())
    }

    /// Its X-Ray header. In classic mode, the emulator tells it to extensions and not to the runtime.
    #[must_use]
    pub fn trace_header(self, header: &str) -> Self {
        self.header("X-Amzn-Trace-Id", header.to_owned())
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<&Value> for Invocation {
    fn from(event: &Value) -> Self {
        Self::new(event.to_string())
    }
}

/// The program that makes an environment: it is built with the tests, and so beside them.
pub(crate) fn launcher() -> Result<PathBuf> {
    let own = env::current_exe().context("this program does not know where it is")?;
    // A program is in the profile's folder, a test in `deps` below.
    let found =
        own.ancestors().skip(1).take(2).map(|folder| folder.join("environment")).find(|file| file.is_file());
    match found {
        Some(found) => Ok(found),
        None => bail!(
            "there is no program `environment` beside {}: `cargo build -p hopguard-tests --bins`",
            own.display()
        ),
    }
}

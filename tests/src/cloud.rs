//! A Lambda cloud of one's own, on a loopback port.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::{primitives::Blob, types::LayerVersionContentInput};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    bucket::Bucket,
    eventually::eventually,
    faults::Faults,
    function, http,
    layer::Layer,
    queue, role,
    schedule::Schedule,
    stack::Stack,
    stream::{Ledger, Stream, Table},
    supervised::{Launch, Supervised},
    tap::Tap,
    toolbox::{self, Progress, Tool, Toolbox},
    topic::Topic,
};

/// How long a server may take from its start to its first answer; it takes about a second on an idle machine.
const START_WAIT: Duration = Duration::from_secs(60);
/// How often a server is started anew where another process took its port.
const START_ATTEMPTS: u32 = 3;

/// A running ministack server with an account of its own, which ends when this value is dropped.
#[derive(Debug)]
pub struct Cloud {
    toolbox: Toolbox,
    progress: Hidden,
    server: Mutex<Supervised>,
    port: u16,
    sdk: SdkConfig,
    lambda: aws_sdk_lambda::Client,
    s3: aws_sdk_s3::Client,
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
}

/// How a [`Cloud`] is to run.
#[derive(Debug)]
pub struct Builder {
    toolbox: Toolbox,
    progress: Hidden,
    retry_base: Duration,
    authorise: bool,
}

/// A callback has nothing to show.
struct Hidden(Progress);

impl Cloud {
    /// The Region of every resource.
    pub const REGION: &'static str = "us-east-1";
    /// The account that owns every resource.
    pub const ACCOUNT: &'static str = "000000000000";

    /// Starts a cloud with the settings of [`Cloud::builder`].
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// A cloud that tells its progress on standard error, retries asynchronous invocations after 1 and 2 seconds, and
    /// allows every call.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            toolbox: Toolbox::new(),
            progress: Hidden(toolbox::on_stderr()),
            retry_base: Duration::from_secs(1),
            authorise: false,
        }
    }

    /// Where the SDK clients of a function or a test find this cloud, as in `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint(self.port)
    }

    /// What every SDK client of the harness is made from: plain HTTP, fixed credentials, no retries on 429.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The Lambda client, for calls that the harness has no method for.
    #[must_use]
    pub fn lambda(&self) -> &aws_sdk_lambda::Client {
        &self.lambda
    }

    /// The S3 client, with path-style addresses.
    #[must_use]
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// The SNS client.
    #[must_use]
    pub fn sns(&self) -> &aws_sdk_sns::Client {
        &self.sns
    }

    /// The SQS client.
    #[must_use]
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.sqs
    }

    /// A function to deploy.
    #[must_use]
    pub fn function(&self, name: &str) -> function::Builder<'_> {
        function::Builder::new(self, name)
    }

    /// Publishes a layer, and returns the ARN of its version. It reaches the functions that name it in their configuration and were
    /// deployed by [`FunctionBuilder::code`](crate::FunctionBuilder::code).
    ///
    /// # Errors
    /// Where a part of the layer is not there, and what Lambda answers.
    pub async fn publish(&self, name: &str, layer: &Layer) -> Result<String> {
        let layer = layer.clone();
        let zip =
            spawn_blocking(move || fs::read(layer.zip()?).context("cannot read the package of a layer"));
        let zip = Blob::new(zip.await.context("packing stopped")??);
        let content = LayerVersionContentInput::builder().zip_file(zip).build();
        let call = self.lambda.publish_layer_version().layer_name(name).content(content);
        let published = call.send().await.with_context(|| format!("cannot publish layer {name}"))?;
        published.layer_version_arn.with_context(|| format!("layer {name} has no ARN"))
    }

    /// A queue to create.
    #[must_use]
    pub fn queue(&self, name: &str) -> queue::Builder<'_> {
        queue::Builder::new(self, name)
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// What SNS answers.
    pub async fn topic(&self, name: &str) -> Result<Topic> {
        Topic::create(self, name).await
    }

    /// Creates a Kinesis stream.
    ///
    /// # Errors
    /// What Kinesis answers.
    pub async fn stream(&self, name: &str) -> Result<Stream> {
        Stream::create(self, name).await
    }

    /// Creates a DynamoDB table with a stream.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn table(&self, name: &str) -> Result<Table> {
        Table::create(self, name).await
    }

    /// Creates a bucket.
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn bucket(&self, name: &str) -> Result<Bucket> {
        Bucket::create(self, name).await
    }

    /// Creates a role for [`FunctionBuilder::role`](crate::FunctionBuilder::role) that may make the calls of `actions`
    /// on every resource, and returns its ARN. It matters where [`Builder::authorise`] is on.
    ///
    /// # Errors
    /// What IAM answers.
    pub async fn role(&self, name: &str, actions: &[&str]) -> Result<String> {
        let policy = role::of_actions(actions).map(|document| ("calls", document));
        role::create(self.port, name, policy.as_slice()).await
    }

    /// The same with policies as they are written: the documents of inline policies, by name.
    ///
    /// # Errors
    /// What IAM answers.
    pub async fn role_with(&self, name: &str, policies: &[(&str, Value)]) -> Result<String> {
        role::create(self.port, name, policies).await
    }

    /// Credentials of a role, as a person gets them who takes it on: key, secret and token.
    ///
    /// # Errors
    /// What STS answers.
    pub async fn assume(&self, role_arn: &str) -> Result<[String; 3]> {
        role::assume(self.port, role_arn).await
    }

    /// The document of a role's inline policy.
    ///
    /// # Errors
    /// What IAM answers, and where there is no such policy.
    pub async fn role_policy(&self, role: &str, policy: &str) -> Result<Value> {
        role::policy(self.port, role, policy).await
    }

    /// Creates a CloudFormation stack of a template, and waits until it is complete.
    ///
    /// # Errors
    /// What CloudFormation answers, and why a resource was not created.
    pub async fn stack(&self, name: &str, template: &str, parameters: &[(&str, &str)]) -> Result<Stack> {
        Stack::create(self, name, template, parameters).await
    }

    /// Creates the table of a chain ledger.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn ledger(&self, name: &str) -> Result<Ledger> {
        Ledger::create(self, name).await
    }

    /// The table of a chain ledger that is there.
    #[must_use]
    pub fn ledger_of(&self, name: &str) -> Ledger {
        Ledger::at(self, name)
    }

    /// The schedules of EventBridge Scheduler.
    ///
    /// # Errors
    /// Where the server is gone.
    pub async fn schedules(&self) -> Result<Vec<Schedule>> {
        Schedule::all(self.port).await
    }

    /// A function that somebody else has created, by its name.
    ///
    /// # Errors
    /// Where Lambda knows none.
    pub async fn existing(&self, function: &str) -> Result<function::Function> {
        function::Function::existing(self, function).await
    }

    /// A queue that somebody else has created, by its URL.
    #[must_use]
    pub fn queue_at(&self, url: &str) -> queue::Queue {
        queue::Queue::at(self, url)
    }

    /// Starts a proxy in front of this cloud which can answer with faults. The first time, it is installed.
    ///
    /// # Errors
    /// Where it cannot be installed or does not start.
    pub async fn faults(&self) -> Result<Faults> {
        Faults::start(&self.toolbox, &self.progress.0, &self.endpoint()).await
    }

    /// Starts a forwarder to this cloud which tells the calls that were made through it.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn tap(&self) -> Result<Tap> {
        Tap::start(self.port).await
    }

    /// The server's log, with one line per request and what its functions printed.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.server().log().to_owned()
    }

    /// Removes every resource and ends every function. Not needed before the end: that removes all of it too.
    ///
    /// # Errors
    /// Where the server is gone.
    pub async fn reset(&self) -> Result<()> {
        http::Request::json("/_ministack/reset", &json!({})).send(self.port).await?;
        Ok(())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn toolbox(&self) -> &Toolbox {
        &self.toolbox
    }

    pub(crate) fn progress(&self) -> Progress {
        Arc::clone(&self.progress.0)
    }

    fn server(&self) -> MutexGuard<'_, Supervised> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Builder {
    /// Where progress goes: what is installed and started, one line each.
    #[must_use]
    pub fn progress(mut self, hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.progress = Hidden(Arc::new(hear));
        self
    }

    /// How long a failed asynchronous invocation waits for its first retry; the second waits twice as long. AWS waits 1
    /// and 2 minutes.
    #[must_use]
    pub fn retry_base(mut self, wait: Duration) -> Self {
        self.retry_base = wait;
        self
    }

    /// Whether the policies of a function's role decide what it may call. Off by default.
    #[must_use]
    pub fn authorise(mut self, on: bool) -> Self {
        self.authorise = on;
        self
    }

    /// Installs what is missing, starts the server and waits until it answers.
    ///
    /// # Errors
    /// Where Python or the package cannot be had, or the server does not answer within a minute; the error has the end
    /// of its log.
    pub async fn start(self) -> Result<Cloud> {
        let toolbox = self.toolbox.clone();
        let progress = Arc::clone(&self.progress.0);
        spawn_blocking(move || toolbox.install(Tool::Ministack, &progress))
            .await
            .context("the installation was interrupted")??;
        let mut attempt = 1;
        let server = loop {
            match self.launch().await {
                Ok(server) => break server,
                Err(_) if attempt < START_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.context("the cloud did not start")),
            }
        };
        let port = server.port();
        let sdk = sdk(&endpoint(port))?;
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
        Ok(Cloud {
            toolbox: self.toolbox,
            progress: self.progress,
            server: Mutex::new(server),
            port,
            lambda: aws_sdk_lambda::Client::new(&sdk),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sns: aws_sdk_sns::Client::new(&sdk),
            sqs: aws_sdk_sqs::Client::new(&sdk),
            sdk,
        })
    }

    async fn launch(&self) -> Result<Supervised> {
        let mut launch = Launch::new(&self.toolbox, "cloud")?;
        launch.tool(&self.toolbox, Tool::Ministack);
        let endpoint = endpoint(launch.port);
        let port = launch.port.to_string();
        let scratch = launch.scratch.clone();
        launch
            .variable("BIND_HOST", "127.0.0.1")
            .variable("MINISTACK_HOST", "127.0.0.1")
            .variable("GATEWAY_PORT", port)
            .variable("STATE_DIR", scratch.join("state"))
            .variable("S3_DATA_DIR", scratch.join("s3"))
            .variable("LAMBDA_ASYNC_RETRY_BASE_SECONDS", self.retry_base.as_secs_f64().to_string())
            // A function inherits these; the server sets its Region and key itself.
            .variable("AWS_ENDPOINT_URL", endpoint)
            .variable("AWS_DEFAULT_REGION", Cloud::REGION)
            .variable("AWS_ACCESS_KEY_ID", "test")
            .variable("AWS_SECRET_ACCESS_KEY", "test");
        if self.authorise {
            launch.variable("AUTH", "true");
        }
        let mut server = launch.start(&self.toolbox)?;
        healthy(&mut server, "/_ministack/health").await?;
        Ok(server)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// Waits until `path` of a server answers, and no longer than the server lives.
pub(crate) async fn healthy(server: &mut Supervised, path: &str) -> Result<()> {
    let port = server.port();
    let mut ended = None;
    let answered = eventually("the first answer of the server", START_WAIT, async || {
        if let Err(error) = server.check() {
            ended = Some(error);
            return Ok(Some(()));
        }
        http::Request::get(path).send(port).await.map(|_| Some(()))
    })
    .await;
    match ended {
        Some(error) => Err(error),
        None => answered.with_context(|| format!("its log ends with:\n{}", server.tail())),
    }
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn sdk(endpoint: &str) -> Result<SdkConfig> {
    let credentials = Credentials::new("test", "test", None, None, "hopguard-tests");
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .app_name(AppName::new("hopguard-tests").context("the name of the application")?)
        .region(Region::from_static(Cloud::REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build())
}

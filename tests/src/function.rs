//! A function on the cloud: how it is deployed, and what Lambda says of it.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_sdk_lambda::{
    primitives::Blob,
    types::{DeadLetterConfig, Environment, FunctionCode, RecursiveLoop, Runtime, State},
};
use tokio::task::spawn_blocking;

use crate::{
    cloud::Cloud,
    environment::{launcher, spec::Spec},
    eventually::eventually,
    layer::Layer,
    package,
    queue::Queue,
    runtime::Runtime as LayeredRuntime,
    toolbox::{self, Progress, Toolbox},
};

/// The role of every function. Nobody reads its policies unless the cloud authorises.
const ROLE: &str = "arn:aws:iam::000000000000:role/testbed";
/// How long a new function may stay `Pending`; ministack takes half a second.
const ACTIVE_WAIT: Duration = Duration::from_secs(20);

/// A function to deploy, from [`Cloud::function`].
#[derive(Debug)]
pub struct Builder<'a> {
    cloud: &'a Cloud,
    name: String,
    code: Option<Code>,
    environment: BTreeMap<String, String>,
    timeout: Duration,
    memory_mb: i32,
    role: String,
    dead_letters: Option<String>,
}

/// What a function is made of.
#[derive(Debug)]
enum Code {
    /// A program that the cloud runs as it is.
    Program(PathBuf),
    /// A layer, and the code of a runtime.
    Layered(Layer, LayeredRuntime),
    /// The code of a runtime, with the layers that the function's configuration names.
    Plain(LayeredRuntime),
}

/// A deployment package, and what Lambda is told of it.
struct Package {
    zip: Vec<u8>,
    runtime: Runtime,
    handler: String,
}

/// A deployed function. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Function {
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) port: u16,
    name: String,
    arn: String,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(cloud: &'a Cloud, name: &str) -> Self {
        Self {
            cloud,
            name: name.to_owned(),
            code: None,
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            memory_mb: 128,
            role: ROLE.to_owned(),
            dead_letters: None,
        }
    }

    /// The program that polls the Runtime API. This, [`Builder::layered`] or [`Builder::code`] is required.
    #[must_use]
    pub fn bootstrap(mut self, program: &Path) -> Self {
        self.code = Some(Code::Program(program.to_owned()));
        self
    }

    /// Runs the function with a layer at `/opt`, in execution environments of AWS's own emulator: one for each invocation
    /// under way. There are extensions, the Runtime API, `AWS_LAMBDA_EXEC_WRAPPER` where the runtime is Python or Node.js, and an
    /// empty `/tmp`; there is no client context, since the cloud delivers none ([`Environment`](crate::Environment) has it).
    #[must_use]
    pub fn layered(mut self, layer: Layer, runtime: LayeredRuntime) -> Self {
        self.code = Some(Code::Layered(layer, runtime));
        self
    }

    /// Deploys Python or Node.js code as its author does, with no layer: its configuration has the runtime that the code is for,
    /// and each environment starts with the layers that the configuration names then, as on Lambda. So what attaches a layer,
    /// such as a template or a command line, can be tested on it. As for [`Builder::layered`] in all else.
    #[must_use]
    pub fn code(mut self, runtime: LayeredRuntime) -> Self {
        self.code = Some(Code::Plain(runtime));
        self
    }

    /// Sets an environment variable of the function. `AWS_ENDPOINT_URL` cannot be set, `AWS_ENDPOINT_URL_LAMBDA` and
    /// its like can.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// How long an invocation may take, in whole seconds. 30 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The memory in MB. 128 by default; the test bed does not enforce it.
    #[must_use]
    pub fn memory_mb(mut self, memory_mb: i32) -> Self {
        self.memory_mb = memory_mb;
        self
    }

    /// The ARN of the function's role, where the cloud authorises.
    #[must_use]
    pub fn role(mut self, arn: &str) -> Self {
        self.role = arn.to_owned();
        self
    }

    /// The dead-letter queue of asynchronous events.
    #[must_use]
    pub fn dead_letters(mut self, queue: &Queue) -> Self {
        self.dead_letters = Some(queue.arn().to_owned());
        self
    }

    /// Packs and creates the function, switches AWS's own loop detection off for it (so that what stops a loop is
    /// hopguard), and waits until it is active.
    ///
    /// # Errors
    /// Where no program was named or found, what Lambda answers, and [`Missing`](crate::Missing) in the chain of causes where
    /// this machine lacks what a layered function needs.
    pub async fn deploy(self) -> Result<Function> {
        let name = self.name;
        let lambda = self.cloud.lambda();
        let code = self.code.with_context(|| format!("function {name} has no code: name its program"))?;
        let (toolbox, progress) = (self.cloud.toolbox().clone(), self.cloud.progress());
        let packed = spawn_blocking(move || code.pack(&toolbox, &progress, self.timeout));
        let package = packed.await.context("packing stopped")??;
        let timeout = i32::try_from(self.timeout.as_secs()).context("the timeout is too long")?;
        let created = lambda
            .create_function()
            .function_name(&name)
            .runtime(package.runtime)
            .handler(package.handler)
            .role(self.role)
            .code(FunctionCode::builder().zip_file(Blob::new(package.zip)).build())
            .environment(
                Environment::builder().set_variables(Some(self.environment.into_iter().collect())).build(),
            )
            .timeout(timeout)
            .memory_size(self.memory_mb)
            .set_dead_letter_config(
                self.dead_letters.map(|arn| DeadLetterConfig::builder().target_arn(arn).build()),
            )
            .send()
            .await
            .with_context(|| format!("cannot create function {name}"))?;
        let function = Function {
            lambda: lambda.clone(),
            port: self.cloud.port(),
            arn: created.function_arn.with_context(|| format!("function {name} has no ARN"))?,
            name,
        };
        lambda
            .put_function_recursion_config()
            .function_name(&function.name)
            .recursive_loop(RecursiveLoop::Allow)
            .send()
            .await
            .context("cannot switch the cloud's own loop detection off")?;
        function.active().await?;
        Ok(function)
    }
}

impl Code {
    fn pack(self, toolbox: &Toolbox, progress: &Progress, timeout: Duration) -> Result<Package> {
        let provided =
            |zip| Package { zip, runtime: Runtime::Providedal2023, handler: "bootstrap".to_owned() };
        match self {
            Self::Program(program) => package::pack(&program, &toolbox.root().join("packages")).map(provided),
            Self::Layered(layer, runtime) => {
                let mut spec = runtime.prepare(toolbox, progress)?;
                spec.mounts.extend(layer.mounts()?);
                spec.timeout_s = timeout.as_secs();
                package::layered(&launcher()?, &spec).map(provided)
            }
            Self::Plain(runtime) => {
                let spec = plain(&runtime, toolbox, progress, timeout)?;
                let told = |name: &str| spec.variables.get(name).cloned().unwrap_or_default();
                Ok(Package {
                    zip: package::layered(&launcher()?, &spec)?,
                    runtime: Runtime::from(told("AWS_EXECUTION_ENV").trim_start_matches("AWS_Lambda_")),
                    handler: told("_HANDLER"),
                })
            }
        }
    }
}

/// The package of a function's code alone, for whoever deploys it otherwise than by [`Builder::code`], for example by a template. Blocks.
///
/// # Errors
/// [`Missing`](crate::Missing) in the chain of causes where this machine lacks what such a function needs.
pub fn package_of(runtime: &LayeredRuntime, timeout: Duration) -> Result<Vec<u8>> {
    let spec = plain(runtime, &Toolbox::new(), &toolbox::on_stderr(), timeout)?;
    package::layered(&launcher()?, &spec)
}

fn plain(
    runtime: &LayeredRuntime,
    toolbox: &Toolbox,
    progress: &Progress,
    timeout: Duration,
) -> Result<Spec> {
    let mut spec = runtime.prepare(toolbox, progress)?;
    spec.layers = true;
    spec.timeout_s = timeout.as_secs();
    Ok(spec)
}

impl Function {
    pub(crate) async fn existing(cloud: &Cloud, name: &str) -> Result<Self> {
        let lambda = cloud.lambda();
        let found = lambda.get_function_configuration().function_name(name).send().await;
        let found = found.with_context(|| format!("there is no function {name}"))?;
        Ok(Self {
            lambda: lambda.clone(),
            port: cloud.port(),
            name: name.to_owned(),
            arn: found.function_arn.with_context(|| format!("function {name} has no ARN"))?,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its unqualified ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The reserved concurrency as GetFunctionConcurrency reports it; `None` where none is reserved.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn reserved_concurrency(&self) -> Result<Option<i32>> {
        let answer = self.lambda.get_function_concurrency().function_name(&self.name).send().await;
        Ok(answer
            .with_context(|| format!("cannot ask for the concurrency of {}", self.name))?
            .reserved_concurrent_executions)
    }

    /// Reserves concurrency; `None` removes the reservation.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn reserve_concurrency(&self, reserved: Option<i32>) -> Result<()> {
        let context = || format!("cannot set the concurrency of {}", self.name);
        match reserved {
            Some(reserved) => {
                let call = self.lambda.put_function_concurrency().function_name(&self.name);
                call.reserved_concurrent_executions(reserved).send().await.with_context(context)?;
            }
            None => {
                let call = self.lambda.delete_function_concurrency().function_name(&self.name);
                call.send().await.with_context(context)?;
            }
        }
        Ok(())
    }

    /// Its tags, by key.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn tags(&self) -> Result<HashMap<String, String>> {
        let answer = self.lambda.list_tags().resource(&self.arn).send().await;
        Ok(answer.with_context(|| format!("cannot list the tags of {}", self.name))?.tags.unwrap_or_default())
    }

    /// Its environment variables.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn environment(&self) -> Result<HashMap<String, String>> {
        let answer = self.lambda.get_function_configuration().function_name(&self.name).send().await;
        let answer = answer.with_context(|| format!("cannot ask for the environment of {}", self.name))?;
        Ok(answer.environment.and_then(|environment| environment.variables).unwrap_or_default())
    }

    /// Replaces all its environment variables. Warm processes of the function end.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn replace_environment(&self, variables: HashMap<String, String>) -> Result<()> {
        self.lambda
            .update_function_configuration()
            .function_name(&self.name)
            .environment(Environment::builder().set_variables(Some(variables)).build())
            .send()
            .await
            .with_context(|| format!("cannot set the environment of {}", self.name))?;
        self.active().await
    }

    /// Replaces its layers, by the ARNs of their versions. Warm processes of the function end; one that was deployed by
    /// [`Builder::code`] has them in those that follow.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn replace_layers(&self, arns: &[&str]) -> Result<()> {
        let call = self.lambda.update_function_configuration().function_name(&self.name);
        let layers = arns.iter().map(|arn| (*arn).to_owned()).collect();
        let context = || format!("cannot set the layers of {}", self.name);
        call.set_layers(Some(layers)).send().await.with_context(context)?;
        self.active().await
    }

    /// Waits until GetFunctionConcurrency says 0: the trip runs beside the invocation that was blocked.
    ///
    /// # Errors
    /// Where it does not say so `within`.
    pub async fn tripped(&self, within: Duration) -> Result<()> {
        eventually(&format!("reserved concurrency 0 of {}", self.name), within, async || {
            Ok((self.reserved_concurrency().await? == Some(0)).then_some(()))
        })
        .await
    }

    async fn active(&self) -> Result<()> {
        eventually(&format!("function {} to become active", self.name), ACTIVE_WAIT, async || {
            let answer = self.lambda.get_function_configuration().function_name(&self.name).send().await?;
            Ok((answer.state == Some(State::Active)).then_some(()))
        })
        .await
    }
}

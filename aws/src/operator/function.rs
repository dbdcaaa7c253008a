use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::{
    Architecture, DeadLetterConfig, Environment, EnvironmentResponse, FunctionConfiguration,
    LastUpdateStatus, Layer, PackageType, Runtime,
};
use hopguard_core::unqualified_arn;

use super::{Operator, OperatorError};

const GET: &str = "lambda:GetFunctionConfiguration";
const LIST: &str = "lambda:ListFunctions";
const UPDATE: &str = "lambda:UpdateFunctionConfiguration";
/// Pages of 50 functions.
const MAX_PAGES: usize = 400;
/// How long Lambda may take over a change, and how often it is asked.
const SETTLES: (Duration, Duration) = (Duration::from_secs(120), Duration::from_millis(500));

/// A function as Lambda describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its ARN, without a version.
    pub arn: String,
    /// Its runtime: `python3.13`. `None` where it is a container image.
    pub runtime: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// The ARN of its execution role.
    pub role: String,
    /// Its time limit.
    pub timeout: Duration,
    /// Its layers' versions, in order.
    pub layers: Vec<String>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// Why its environment variables cannot be read, where Lambda cannot decrypt them.
    pub environment_error: Option<String>,
    /// The ARN of its dead-letter queue or topic.
    pub dead_letters: Option<String>,
    /// Which configuration this is: a change names it, so that nobody else's is overwritten.
    pub revision: Option<String>,
    /// Why the last change failed, where it did.
    pub failed: Option<String>,
    /// Whether Lambda is still carrying out a change.
    pub changing: bool,
}

/// What to change of a function. The whole of both is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The layers' versions.
    pub layers: Vec<String>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
}

impl Change {
    /// These layers and these variables.
    pub const fn new(layers: Vec<String>, environment: BTreeMap<String, String>) -> Self {
        Self { layers, environment }
    }
}

impl Operator {
    /// What Lambda says of a function, by its name or ARN.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn function(&self, name: &str) -> Result<Function, OperatorError> {
        let lambda = self.clients.lambda().await;
        let name = unqualified_arn(name);
        let call = || lambda.get_function_configuration().function_name(name).send();
        Ok(self.ask(GET, name, call).await?.into())
    }

    /// Every function of the Region, as far as 20,000.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn functions(&self) -> Result<Vec<Function>, OperatorError> {
        let lambda = self.clients.lambda().await;
        let mut functions = Vec::new();
        let mut marker = None;
        for _ in 0..MAX_PAGES {
            let call = || lambda.list_functions().set_marker(marker.clone()).send();
            let page = self.ask(LIST, "the functions", call).await?;
            functions.extend(page.functions.unwrap_or_default().into_iter().map(Function::from));
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                break;
            }
        }
        Ok(functions)
    }

    /// Changes a function, unless somebody else has changed it since it was read, and waits until that has taken effect.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn update(&self, function: &Function, change: &Change) -> Result<(), OperatorError> {
        let lambda = self.clients.lambda().await;
        let variables = Environment::builder()
            .set_variables(Some(change.environment.clone().into_iter().collect()))
            .build();
        let call = || {
            lambda
                .update_function_configuration()
                .function_name(&function.arn)
                .set_layers(Some(change.layers.clone()))
                .environment(variables.clone())
                .set_revision_id(function.revision.clone())
                .send()
        };
        if let Err(error) = self.ask(UPDATE, &function.name, call).await {
            // Of a request that was carried out, the answer may have been lost: the next one is refused for its revision.
            let lost = matches!(error, OperatorError::Other { .. });
            if !lost || !self.is_made(function, change).await {
                return Err(error);
            }
        }
        self.settled(&function.arn).await
    }

    /// Whether the function has changed since it was read, to just this.
    async fn is_made(&self, function: &Function, change: &Change) -> bool {
        let now = self.function(&function.arn).await;
        now.is_ok_and(|now| {
            now.revision != function.revision
                && now.layers == change.layers
                && now.environment == change.environment
        })
    }

    async fn settled(&self, arn: &str) -> Result<(), OperatorError> {
        let (limit, pause) = SETTLES;
        let failed = |detail: &str| OperatorError::Other {
            action: UPDATE,
            subject: hopguard_core::function_name(arn).to_owned(),
            detail: detail.to_owned(),
        };
        let changed = async {
            loop {
                let function = self.function(arn).await?;
                match function.failed {
                    Some(detail) => return Err(failed(&detail)),
                    None if !function.changing => return Ok(()),
                    None => tokio::time::sleep(pause).await,
                }
            }
        };
        tokio::time::timeout(limit, changed)
            .await
            .unwrap_or_else(|_| Err(failed("Lambda is still carrying it out after two minutes")))
    }
}

/// What both answers have, under the same names.
struct Parts {
    name: Option<String>,
    arn: Option<String>,
    runtime: Option<Runtime>,
    architectures: Option<Vec<Architecture>>,
    package: Option<PackageType>,
    role: Option<String>,
    timeout: Option<i32>,
    layers: Option<Vec<Layer>>,
    environment: Option<EnvironmentResponse>,
    dead_letters: Option<DeadLetterConfig>,
    revision: Option<String>,
    status: Option<LastUpdateStatus>,
    status_reason: Option<String>,
}

macro_rules! parts {
    ($answer:expr) => {
        Parts {
            name: $answer.function_name,
            arn: $answer.function_arn,
            runtime: $answer.runtime,
            architectures: $answer.architectures,
            package: $answer.package_type,
            role: $answer.role,
            timeout: $answer.timeout,
            layers: $answer.layers,
            environment: $answer.environment,
            dead_letters: $answer.dead_letter_config,
            revision: $answer.revision_id,
            status: $answer.last_update_status,
            status_reason: $answer.last_update_status_reason,
        }
    };
}

impl From<GetFunctionConfigurationOutput> for Function {
    fn from(answer: GetFunctionConfigurationOutput) -> Self {
        parts!(answer).into()
    }
}

impl From<FunctionConfiguration> for Function {
    fn from(answer: FunctionConfiguration) -> Self {
        parts!(answer).into()
    }
}

impl From<Parts> for Function {
    fn from(parts: Parts) -> Self {
        let environment = parts.environment.unwrap_or_else(|| EnvironmentResponse::builder().build());
        let image = parts.package == Some(PackageType::Image);
        let failed =
            (parts.status == Some(LastUpdateStatus::Failed)).then(|| parts.status_reason.unwrap_or_default());
        Self {
            name: parts.name.unwrap_or_default(),
            arn: parts.arn.map(|arn| unqualified_arn(&arn).to_owned()).unwrap_or_default(),
            runtime: parts.runtime.filter(|_| !image).map(|runtime| runtime.as_str().to_owned()),
            architecture: parts
                .architectures
                .and_then(|all| all.first().map(|one| one.as_str().to_owned()))
                .unwrap_or_else(|| "x86_64".to_owned()),
            role: parts.role.unwrap_or_default(),
            timeout: Duration::from_secs(
                parts.timeout.and_then(|timeout| u64::try_from(timeout).ok()).unwrap_or(3),
            ),
            layers: parts.layers.unwrap_or_default().into_iter().filter_map(|layer| layer.arn).collect(),
            environment: environment.variables.unwrap_or_default().into_iter().collect(),
            environment_error: environment.error.and_then(|error| error.message),
            dead_letters: parts
                .dead_letters
                .and_then(|config| config.target_arn)
                .filter(|target| !target.is_empty()),
            revision: parts.revision,
            changing: parts.status == Some(LastUpdateStatus::InProgress),
            failed,
        }
    }
}

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput};

use super::{Operator, OperatorError};

const PUBLISH: &str = "lambda:PublishLayerVersion";
const LIST: &str = "lambda:ListLayerVersions";
const GET: &str = "lambda:GetLayerVersion";

/// A version of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerVersion {
    /// Its ARN, with its version.
    pub arn: String,
    /// The architectures that it is for; empty where it does not say.
    pub architectures: Vec<String>,
}

impl Operator {
    /// The version of a layer with this ARN.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn layer(&self, arn: &str) -> Result<LayerVersion, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.get_layer_version_by_arn().arn(arn).send();
        let answer = self.ask(GET, arn, call).await?;
        Ok(LayerVersion {
            arn: answer.layer_version_arn.unwrap_or_else(|| arn.to_owned()),
            architectures: names(answer.compatible_architectures),
        })
    }

    /// The newest version of a layer that has exactly this content, by the SHA-256 of its zip file in base64; `None` where the newest
    /// is another, or there is none.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn newest_layer(
        &self,
        name: &str,
        sha256: &str,
    ) -> Result<Option<LayerVersion>, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.list_layer_versions().layer_name(name).max_items(1).send();
        let newest = match self.ask(LIST, &format!("layer {name}"), call).await {
            Ok(answer) => answer.layer_versions.unwrap_or_default().into_iter().next(),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let Some(arn) = newest.and_then(|newest| newest.layer_version_arn) else { return Ok(None) };
        let call = || lambda.get_layer_version_by_arn().arn(&arn).send();
        let answer = self.ask(GET, &arn, call).await?;
        let same = answer.content.and_then(|content| content.code_sha256).as_deref() == Some(sha256);
        Ok(same.then(|| LayerVersion { arn, architectures: names(answer.compatible_architectures) }))
    }

    /// Publishes a layer's zip file as a new version.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn publish_layer(
        &self,
        name: &str,
        zip: Vec<u8>,
        architecture: &str,
    ) -> Result<LayerVersion, OperatorError> {
        let lambda = self.clients.lambda().await;
        let zip = Blob::new(zip);
        let content = || LayerVersionContentInput::builder().zip_file(zip.clone()).build();
        let call = || {
            lambda
                .publish_layer_version()
                .layer_name(name)
                .description("hopguard: the runtime guard for Lambda loops")
                .license_info("MIT OR Apache-2.0")
                .compatible_architectures(Architecture::from(architecture))
                .content(content())
                .send()
        };
        let answer = self.ask(PUBLISH, &format!("layer {name}"), call).await?;
        Ok(LayerVersion {
            arn: answer.layer_version_arn.unwrap_or_default(),
            architectures: names(answer.compatible_architectures),
        })
    }
}

fn names(architectures: Option<Vec<Architecture>>) -> Vec<String> {
    architectures.unwrap_or_default().iter().map(|one| one.as_str().to_owned()).collect()
}

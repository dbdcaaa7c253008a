use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use super::needs::condition;
use super::{Operator, OperatorError};

const PUT: &str = "iam:PutRolePolicy";
const GET: &str = "iam:GetRolePolicy";
const DELETE: &str = "iam:DeleteRolePolicy";
const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

/// An action that a function's role needs on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// The IAM action.
    pub action: &'static str,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// What happens without it.
    pub without: &'static str,
}

impl Need {
    /// This action on this resource.
    pub(super) fn new(action: &'static str, resource: &str, without: &'static str) -> Self {
        Self { action, resource: resource.to_owned(), without }
    }
}

/// What IAM says of a [`Need`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// Allowed.
    Allowed,
    /// Denied.
    Denied,
}

impl Operator {
    /// Writes an inline policy into a role; one of the same name is replaced.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn put_role_policy(
        &self,
        role_arn: &str,
        name: &str,
        document: &str,
    ) -> Result<(), OperatorError> {
        let iam = self.clients.iam().await;
        let role = role_name(role_arn);
        let call =
            || iam.put_role_policy().role_name(role).policy_name(name).policy_document(document).send();
        self.ask(PUT, &format!("role {role}"), call).await.map(drop)
    }

    /// An inline policy of a role; `None` where it has none of this name.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn role_policy(&self, role_arn: &str, name: &str) -> Result<Option<String>, OperatorError> {
        let iam = self.clients.iam().await;
        let role = role_name(role_arn);
        let call = || iam.get_role_policy().role_name(role).policy_name(name).send();
        match self.ask(GET, &format!("role {role}"), call).await {
            // IAM percent-encodes the document.
            Ok(answer) => Ok(Some(decoded(answer.policy_document()))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an inline policy from a role. False where there was none.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn delete_role_policy(&self, role_arn: &str, name: &str) -> Result<bool, OperatorError> {
        let iam = self.clients.iam().await;
        let role = role_name(role_arn);
        let call = || iam.delete_role_policy().role_name(role).policy_name(name).send();
        match self.ask(DELETE, &format!("role {role}"), call).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What a role may do, as IAM works it out from the role's policies; resource policies are not in it.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn permission(&self, role_arn: &str, need: &Need) -> Result<Permission, OperatorError> {
        let iam = self.clients.iam().await;
        // A policy may allow the action in this context alone, and IAM knows of none that it is not told.
        let context = condition(need.action).map(|(key, value)| {
            let entry = ContextEntry::builder().context_key_name(key).context_key_values(value);
            vec![entry.context_key_type(ContextKeyTypeEnum::String).build()]
        });
        let call = || {
            iam.simulate_principal_policy()
                .policy_source_arn(role_arn)
                .action_names(need.action)
                .resource_arns(&need.resource)
                .set_context_entries(context.clone())
                .send()
        };
        let answer = self.ask(SIMULATE, &format!("role {}", role_name(role_arn)), call).await?;
        let allowed = answer
            .evaluation_results()
            .iter()
            .any(|result| result.eval_decision() == &PolicyEvaluationDecisionType::Allowed);
        Ok(if allowed { Permission::Allowed } else { Permission::Denied })
    }
}

fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document).decode_utf8_lossy().into_owned()
}

/// A role's name is the last part of its ARN: it may stand under a path.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

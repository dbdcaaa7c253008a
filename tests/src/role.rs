//! What a function may call, where the cloud asks.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{cloud::Cloud, http};

/// Creates a role which Lambda may take on, with these inline policies by their names.
pub(crate) async fn create(port: u16, name: &str, policies: &[(&str, Value)]) -> Result<String> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]});
    let create = format!("Action=CreateRole&RoleName={name}&AssumeRolePolicyDocument={}", escaped(&trust));
    ask(port, create).await.with_context(|| format!("cannot create role {name}"))?;
    for (policy, document) in policies {
        let put = format!(
            "Action=PutRolePolicy&RoleName={name}&PolicyName={policy}&PolicyDocument={}",
            escaped(document)
        );
        ask(port, put).await.with_context(|| format!("cannot set policy {policy} of role {name}"))?;
    }
    Ok(format!("arn:aws:iam::{}:role/{name}", Cloud::ACCOUNT))
}

/// The policy that allows `actions` on every resource; IAM wants at least one in a policy.
pub(crate) fn of_actions(actions: &[&str]) -> Option<Value> {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    (!actions.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": [statement]}))
}

async fn ask(port: u16, form: String) -> Result<String> {
    let form = format!("{form}&Version=2010-05-08");
    http::Request::post("/", "application/x-www-form-urlencoded", form).of_service("iam").text(port).await
}

/// Percent-encodes for a form: letters and digits stay.
fn escaped(document: &Value) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    document.to_string().bytes().map(escape).collect()
}

//! What a function may call, where the cloud asks.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{cloud::Cloud, http};

/// Creates a role which Lambda, Scheduler and people of the account may take on, with these inline policies by their names.
pub(crate) async fn create(port: u16, name: &str, policies: &[(&str, Value)]) -> Result<String> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", Cloud::ACCOUNT)}, "Action": "sts:AssumeRole"},
    ]});
    let trust = trust.to_string();
    ask(port, "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust)])
        .await
        .with_context(|| format!("cannot create role {name}"))?;
    for (policy, document) in policies {
        let document = document.to_string();
        ask(
            port,
            "PutRolePolicy",
            &[("RoleName", name), ("PolicyName", *policy), ("PolicyDocument", &document)],
        )
        .await
        .with_context(|| format!("cannot set policy {policy} of role {name}"))?;
    }
    Ok(format!("arn:aws:iam::{}:role/{name}", Cloud::ACCOUNT))
}

/// The policy that allows `actions` on every resource; IAM wants at least one in a policy.
pub(crate) fn of_actions(actions: &[&str]) -> Option<Value> {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    (!actions.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": [statement]}))
}

/// The document of a role's inline policy.
pub(crate) async fn policy(port: u16, role: &str, policy: &str) -> Result<Value> {
    let answer = ask(port, "GetRolePolicy", &[("RoleName", role), ("PolicyName", policy)]).await?;
    let document =
        answer.split_once("<PolicyDocument>").and_then(|(_, rest)| rest.split_once("</PolicyDocument>"));
    let (document, _) = document.with_context(|| format!("the answer has no policy: {answer}"))?;
    let document = percent_decoded(document);
    serde_json::from_str(&document).with_context(|| format!("the policy is not JSON: {document}"))
}

/// Credentials of a role, as a person gets them who takes it on: key, secret and token.
pub(crate) async fn assume(port: u16, role: &str) -> Result<[String; 3]> {
    let fields = [("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", "person")];
    let form = fields.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let answer = http::query(port, "sts", "2011-06-15", &form).await?;
    let of = |tag: &str| {
        let (_, rest) = answer.split_once(&format!("<{tag}>"))?;
        rest.split_once("</").map(|(value, _)| value.to_owned())
    };
    let found = ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(of);
    match found {
        [Some(key), Some(secret), Some(token)] => Ok([key, secret, token]),
        _ => anyhow::bail!("the answer has no credentials: {answer}"),
    }
}

async fn ask(port: u16, action: &str, fields: &[(&str, &str)]) -> Result<String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let form: Vec<_> = [owned(&("Action", action))].into_iter().chain(fields.iter().map(owned)).collect();
    http::query(port, "iam", "2010-05-08", &form).await
}

/// IAM gives documents in percent-encoding.
fn percent_decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let value = bytes.next().and_then(digit).zip(bytes.next().and_then(digit));
                decoded.extend(value.map(|(high, low)| high << 4 | low));
            }
            byte => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

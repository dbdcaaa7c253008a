//! The policies as they are shipped, with their placeholders filled in.

use std::collections::BTreeSet;
use std::fs;

use hopguard_tests::Cloud;
use serde_json::{Value, json};

use crate::tree::checkout;

/// What a function's role gets, by the file without its ending.
pub(crate) const ROLE: [&str; 7] =
    ["trip", "quarantine", "quarantine-key", "objects", "metrics", "cooldown", "ledger"];

/// The names that the tests fill in.
pub(crate) const FUNCTION: &str = "worker";
pub(crate) const BUCKET: &str = "objects";
pub(crate) const COOLDOWN: &str = "hopguard-cooldown";
pub(crate) const LEDGER: &str = "hopguard-ledger";

/// A policy of `deploy/iam` to the letter.
pub(crate) fn shipped(name: &str) -> Value {
    serde_json::from_str(&text(name)).expect("a policy is JSON")
}

/// The same for the tests' function, queue and bucket.
pub(crate) fn filled(name: &str) -> Value {
    filled_for(name, FUNCTION, "quarantine")
}

/// The same for a function and a quarantine queue.
pub(crate) fn filled_for(name: &str, function: &str, quarantine: &str) -> Value {
    let filled = [
        ("REGION", Cloud::REGION),
        ("ACCOUNT", Cloud::ACCOUNT),
        ("FUNCTION", function),
        ("QUARANTINE", quarantine),
        ("BUCKET", BUCKET),
        ("COOLDOWN", COOLDOWN),
        ("LEDGER", LEDGER),
    ];
    let text = filled.iter().fold(text(name), |text, (placeholder, value)| text.replace(placeholder, value));
    serde_json::from_str(&text).expect("a policy is JSON")
}

/// The statements of a policy.
pub(crate) fn statements(policy: &Value) -> Vec<Value> {
    policy["Statement"].as_array().expect("statements").clone()
}

/// A policy without one of its actions, and without the statements that are empty then. `None`: nothing is left.
pub(crate) fn without(policy: &Value, action: &str) -> Option<Value> {
    let mut left = Vec::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        let actions: Vec<_> = listed(&statement["Action"]).into_iter().filter(|own| own != action).collect();
        if !actions.is_empty() {
            let mut statement = statement.clone();
            statement["Action"] = json!(actions);
            left.push(statement);
        }
    }
    (!left.is_empty()).then(|| json!({ "Version": policy["Version"], "Statement": left }))
}

/// Every action of a policy.
pub(crate) fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements");
    statements.iter().flat_map(|statement| listed(&statement["Action"])).collect()
}

/// What may be one text or a list of them.
pub(crate) fn listed(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    value.as_array().map_or_else(|| vec![text(value)], |list| list.iter().map(text).collect())
}

fn text(name: &str) -> String {
    let path = checkout(&format!("deploy/iam/{name}.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

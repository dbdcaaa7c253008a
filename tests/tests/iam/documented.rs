//! `docs/permissions.md` says what the files say.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::policy::{self, ROLE, shipped, statements};
use crate::tree::checkout;

fn page() -> String {
    fs::read_to_string(checkout("docs/permissions.md")).expect("the page")
}

/// The texts in backticks of a line that name an action.
fn named(line: &str) -> Vec<String> {
    let quoted = line.split('`').skip(1).step_by(2);
    let action = |text: &&str| {
        text.split_once(':').is_some_and(|(service, _)| {
            ["cloudwatch", "dynamodb", "iam", "kms", "lambda", "s3", "scheduler", "sqs"].contains(&service)
                && !text.contains(' ')
        })
    };
    quoted.filter(action).map(str::to_owned).collect()
}

#[test]
fn the_table_has_every_action() {
    let page = page();
    // A row's first cell has its actions; conditions stand in the second.
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<_> = rows.flat_map(|row| named(row.split(" | ").next().unwrap_or_default())).collect();
    let files: BTreeSet<_> = ROLE.iter().flat_map(|file| policy::actions(&shipped(file))).collect();
    assert_eq!(told, files);
}

#[test]
fn the_policies_on_the_page_are_those_of_the_files() {
    let page = page();
    let shown = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let shown: Vec<Value> = shown.map(|policy| serde_json::from_str(policy).expect("JSON")).collect();
    let files = [
        &["trip", "quarantine", "objects"][..],
        &["cooldown"],
        &["cooldown-role"],
        &["cooldown-trust"],
        &["ledger"],
    ];
    assert_eq!(shown.len(), files.len());
    for (policy, files) in shown.iter().zip(files) {
        let shipped: Vec<_> = files.iter().flat_map(|file| statements(&shipped(file))).collect();
        assert_eq!(statements(policy), shipped, "{files:?}");
    }
}

/// Who may change may read; and no statement allows a whole service.
#[test]
fn the_full_policy_of_the_operator_includes_the_reading_one() {
    let (read, full) = (shipped("operator-read"), shipped("operator-full"));
    let missing: Vec<_> = policy::actions(&read).difference(&policy::actions(&full)).cloned().collect();
    assert!(missing.is_empty(), "{missing:?}");
    for file in ROLE.iter().chain(&["cooldown-role", "operator-read", "operator-full"]) {
        let wide: Vec<_> =
            policy::actions(&shipped(file)).into_iter().filter(|action| action.contains('*')).collect();
        assert!(wide.is_empty(), "{file}: {wide:?}");
    }
}

//! The alarms and the dashboard in `deploy/cloudformation/guard.yaml`: those of `dashboards/cloudwatch`, so that one file deploys all.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{dashboards::sorted, workspace::Workspace};

/// The resources as lines of the template: JSON, which YAML includes, one resource a line.
pub(crate) fn resources(workspace: &Workspace) -> Result<String> {
    let read = |name: &str| -> Result<Value> {
        let path = workspace.path("dashboards/cloudwatch").join(name);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))
    };
    lines(&read("alarms.json")?, &read("overview.json")?)
}

fn lines(alarms: &Value, dashboard: &Value) -> Result<String> {
    let alarms =
        alarms.get("Resources").and_then(Value::as_object).context("alarms.json has no resources")?;
    let mut resources: Vec<(String, Value)> =
        alarms.iter().map(|(name, alarm)| (name.clone(), conditioned(alarm, "Alarms"))).collect();
    resources.sort_by(|one, other| one.0.cmp(&other.0));
    let body = sorted(dashboard).to_string();
    let properties = json!({
        "DashboardName": { "Fn::Sub": "hopguard-${FunctionName}" },
        "DashboardBody": { "Fn::Sub": escaped(&body) },
    });
    let dashboard = json!({ "Type": "AWS::CloudWatch::Dashboard", "Properties": properties });
    resources.push(("HopguardDashboard".to_owned(), conditioned(&dashboard, "HasDashboard")));
    let line = |(name, resource): &(String, Value)| format!("  {name}: {}", sorted(resource));
    Ok(resources.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// What `Fn::Sub` would take for a name of its own keeps its `${…}`.
fn escaped(body: &str) -> String {
    body.replace("${PROP(", "${!PROP(")
}

fn conditioned(resource: &Value, condition: &str) -> Value {
    let mut resource = resource.clone();
    if let Some(members) = resource.as_object_mut() {
        members.insert("Condition".to_owned(), Value::from(condition));
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_is_a_line_with_its_condition() {
        let alarms = json!({ "Resources": {
            "B": { "Type": "AWS::CloudWatch::Alarm", "Properties": { "Threshold": 0 } },
            "A": { "Type": "AWS::CloudWatch::Alarm" },
        }});
        let dashboard = json!({ "widgets": [{ "label": "${PROP('Dim.FunctionName')} in ${AWS::Region}" }] });
        let lines = lines(&alarms, &dashboard).unwrap();
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines[0], r#"  A: {"Condition":"Alarms","Type":"AWS::CloudWatch::Alarm"}"#);
        assert!(lines[1].starts_with(r#"  B: {"Condition":"Alarms","Properties":{"Threshold":0}"#));
        let (name, made) = lines[2].trim().split_once(": ").unwrap();
        let made: Value = serde_json::from_str(made).unwrap();
        assert_eq!((name, &made["Condition"]), ("HopguardDashboard", &json!("HasDashboard")));
        let body = made["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
        assert!(body.contains("${!PROP('Dim.FunctionName')} in ${AWS::Region}"), "{body}");
    }
}

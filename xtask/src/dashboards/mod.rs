//! `cargo xtask dashboards`: the files in `dashboards/`, made of one description, with the metrics' names from core.

mod alarms;
mod alerts;
mod cloudwatch;
mod explorer;
mod function;
mod grafana;
mod overview;
mod panel;
mod promql;
mod targets;
mod yaml;

use std::{fs, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

use crate::workspace::Workspace;
use grafana::Source;

/// Every generated file, by its path, with what belongs in it.
fn files() -> Result<Vec<(&'static str, String)>> {
    let grafana = |which, source| json(&grafana::dashboard(which, source));
    Ok(vec![
        ("dashboards/grafana/prometheus/overview.json", grafana(&overview::page(), Source::Prometheus)?),
        ("dashboards/grafana/prometheus/function.json", grafana(&function::page(), Source::Prometheus)?),
        ("dashboards/grafana/cloudwatch/overview.json", grafana(&overview::page(), Source::CloudWatch)?),
        ("dashboards/grafana/cloudwatch/function.json", grafana(&function::page(), Source::CloudWatch)?),
        ("dashboards/grafana/chains.json", json(&explorer::dashboard())?),
        ("dashboards/grafana/alerts.yaml", yaml::document(&alerts::grafana())),
        ("dashboards/prometheus/alerts.yaml", yaml::document(&alerts::prometheus())),
        ("dashboards/cloudwatch/overview.json", json(&cloudwatch::dashboard())?),
        ("dashboards/cloudwatch/alarms.json", json(&alarms::template())?),
    ])
}

/// Writes the files, or with `only_check` fails where one is out of date.
pub(crate) fn run(workspace: &Workspace, only_check: bool) -> Result<ExitCode> {
    if only_check {
        check(workspace)?;
        println!("dashboards/ is as the code has it");
        return Ok(ExitCode::SUCCESS);
    }
    for (path, text) in files()? {
        let file = workspace.path(path);
        let changed = fs::read_to_string(&file).ok().as_ref() != Some(&text);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
        println!("{path} {}", if changed { "written" } else { "was up to date" });
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails where a file is not what the code says.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for (path, text) in files()? {
        let found =
            fs::read_to_string(workspace.path(path)).with_context(|| format!("cannot read {path}"))?;
        if found != text {
            bail!("{path} is not what the code says: run `cargo xtask dashboards`");
        }
    }
    Ok(())
}

fn json(value: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(&sorted(value))? + "\n")
}

/// With the members of each object by their names, whatever features serde_json was built with.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect::<Map<_, _>>())
        }
        plain => plain.clone(),
    }
}

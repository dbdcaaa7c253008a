//! Grafana's dashboards against the types that Grafana publishes.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Result, ensure};
use hopguard_tests::Toolbox;
use serde_json::{Value, json};

use crate::files::{EXPLORER, ON_CLOUDWATCH, ON_PROMETHEUS, json, list, panels};

/// The types, as JSON has them: an enum is one of its values. Prometheus's query is no part of the package: its members are those that
/// the plug-in's code names.
const TYPES: &str = r"
import type { DataQuery } from '@grafana/schema/dist/types/common/common.gen.d.ts';
import type { Dashboard } from '@grafana/schema/dist/types/raw/dashboard/x/dashboard_types.gen.d.ts';
import type { CloudWatchMetricsQuery } from '@grafana/schema/dist/types/raw/composable/cloudwatch/dataquery/x/CloudWatchDataQuery_types.gen.d.ts';
import type { TempoQuery } from '@grafana/schema/dist/types/raw/composable/tempo/dataquery/x/TempoDataQuery_types.gen.d.ts';
import type { Options as stat } from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts';
import type { Options as bargauge } from '@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen.d.ts';
import type { Options as text } from '@grafana/schema/dist/types/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen.d.ts';
import type { Options as table } from '@grafana/schema/dist/types/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts';
import type { Options as timeseries, FieldConfig } from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts';

type Plain<T> = unknown extends T ? T
  : T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends Array<infer Item> ? Array<Plain<Item>>
  : { [Member in keyof T]: Plain<T[Member]> };
interface prometheus extends DataQuery { expr: string; editorMode: 'code'; legendFormat: string; instant: boolean; range: boolean }
type cloudwatch = CloudWatchMetricsQuery;
type tempo = TempoQuery & { filters: [] };
type traces = Record<string, never>;
";

#[tokio::test]
async fn dashboards_have_the_form_that_grafana_publishes() -> Result<()> {
    let said = check(
        &ON_PROMETHEUS.into_iter().chain(ON_CLOUDWATCH).chain([EXPLORER]).map(json).collect::<Vec<_>>(),
    )
    .await?;
    ensure!(said.is_empty(), "{said}");
    Ok(())
}

/// The check itself: what Grafana has no member or value for is told.
#[tokio::test]
async fn what_grafana_does_not_know_is_told() -> Result<()> {
    let mut dashboard = json(ON_PROMETHEUS[0]);
    let list = dashboard["panels"].as_array_mut().unwrap();
    let panel = list.iter_mut().find(|panel| panel["type"] == "timeseries").unwrap();
    panel["fieldConfig"]["defaults"]["thresholds"]["mode"] = json!("relative");
    panel["options"]["legend"]["displayMode"] = json!("wide");
    panel["targets"][0]["expression"] = json!("up");
    let said = check(&[dashboard]).await?;
    for word in ["\"relative\"", "\"wide\"", "\"expression\""] {
        assert!(said.contains(word), "{word}: {said}");
    }
    Ok(())
}

/// What the compiler says of dashboards.
async fn check(dashboards: &[Value]) -> Result<String> {
    let kit =
        tokio::task::spawn_blocking(|| Toolbox::new().grafana(&(Arc::new(|_: &str| ()) as _))).await??;
    let mut source = TYPES.to_owned();
    for (dashboard, nth) in dashboards.iter().zip(0..) {
        writeln!(source, "export const d{nth}: Plain<Dashboard> = {dashboard};")?;
        for panel in panels(dashboard) {
            let (id, kind) = (&panel["id"], panel["type"].as_str().unwrap());
            writeln!(source, "export const d{nth}options{id}: Plain<{kind}> = {};", panel["options"])?;
            let custom = &panel["fieldConfig"]["defaults"]["custom"];
            if !custom.is_null() {
                writeln!(source, "export const d{nth}custom{id}: Plain<FieldConfig> = {custom};")?;
            }
            for (target, of) in list(panel, "targets").zip(0..) {
                let plugin = panel["datasource"]["type"].as_str().unwrap();
                writeln!(source, "export const d{nth}target{id}x{of}: Plain<{plugin}> = {target};")?;
            }
        }
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    symlink(kit.join("node_modules"), folder.path().join("node_modules"))?;
    fs::write(folder.path().join("check.ts"), source)?;
    let compiler = kit.join("node_modules/typescript/bin/tsc");
    let output = Command::new("node")
        .arg(compiler)
        .args(["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext"])
        .args(["--moduleResolution", "bundler", "--preserveSymlinks", "--pretty", "false", "check.ts"])
        .current_dir(folder.path())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

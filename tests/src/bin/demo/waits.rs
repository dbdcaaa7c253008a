//! The fifth scene: what waiting costs, in designs that wait and in better ones.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use hopguard_tests::{Design, Layer, Missing, Pair, Shop};
use serde::Deserialize;

use crate::{
    event::{Costs, Event, Scene},
    stage::Stage,
};

const SCENE: Scene = Scene::Waits;
/// How many requests each design serves.
const REQUESTS: u64 = 5;

/// What `hopguard report --output json` says, as far as it is told here.
#[derive(Debug, Deserialize)]
struct Report {
    price: Price,
    functions: Vec<FunctionCost>,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Price {
    usd_per_gb_second: f64,
    usd_per_request: f64,
    source: String,
    date: String,
}

#[derive(Debug, Deserialize)]
struct FunctionCost {
    function: String,
    memory_mb: Option<u32>,
    paid: Amount,
    wait: Amount,
    saving: Amount,
    requests_usd: f64,
}

#[derive(Debug, Default, Deserialize)]
struct Amount {
    ns: u64,
    usd: f64,
}

#[derive(Debug, Deserialize)]
struct Finding {
    kind: String,
    function: String,
}

pub(crate) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    stage.teller.tell(&Event::SceneStarted { scene: SCENE })?;
    let folder = folder()?;
    let opened = serve(stage, &folder.join("spans")).await;
    if let Some(missing) = opened.as_ref().err().and_then(|error| error.downcast_ref::<Missing>()) {
        return stage.teller.tell(&Event::LeftOut { scene: SCENE, why: missing.to_string() });
    }
    opened?;
    stage.teller.wait_for("analysing the spans");
    let page = folder.join("report.html");
    let hopguard = stage.program("hopguard")?;
    let report: Report =
        serde_json::from_slice(&run(&hopguard, &folder.join("spans"), &["--output", "json"])?)
            .context("the report is not as it was expected")?;
    run(&hopguard, &folder.join("spans"), &["--out", &page.to_string_lossy()])?;

    let mut rows = BTreeMap::new();
    for design in Pair::ALL.into_iter().flat_map(Pair::designs) {
        let costs = costs(design, &report);
        stage.teller.tell(&Event::Costs(costs.clone()))?;
        rows.insert(format!("{design:?}"), costs);
    }
    let Price { usd_per_gb_second, usd_per_request, source, date } = report.price;
    stage.teller.tell(&Event::Priced { usd_per_gb_second, usd_per_request, source, date })?;
    stage.teller.tell(&Event::Reported { page: shown(&page) })?;
    check(stage, &rows)
}

/// A folder of this scene's own, empty.
fn folder() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/demo");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context("cannot create target/demo")?;
    Ok(folder.canonicalize()?)
}

async fn serve(stage: &mut Stage<'_>, spans: &Path) -> Result<()> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let layer = Layer::none()
        .with("extensions/hopguard", &stage.program("extension")?)
        .with("hopguard", &checkout.join("extension/layer"));
    let shop = Shop::open(&stage.cloud, layer, &checkout.join("tests/functions/shop"), spans).await?;
    for design in Pair::ALL.into_iter().flat_map(Pair::designs) {
        stage.teller.wait_for(&format!("{REQUESTS} requests to the shop: {}", name(design)));
        shop.serve(design, REQUESTS).await?;
    }
    Ok(())
}

fn run(hopguard: &Path, spans: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new(hopguard);
    let output =
        command.arg("report").arg(spans).args(arguments).output().context("cannot start hopguard")?;
    ensure!(output.status.success(), "hopguard report: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(output.stdout)
}

/// What one request costs: the mean over all of them, over all functions of a design.
fn costs(design: Design, report: &Report) -> Costs {
    let of_design = |function: &str| design.functions().contains(&function);
    let functions: Vec<_> = report.functions.iter().filter(|cost| of_design(&cost.function)).collect();
    let per_request = |sum: f64| sum / requests(design);
    let seconds = |amount: fn(&FunctionCost) -> &Amount| {
        per_request(functions.iter().map(|cost| amount(cost).ns as f64 / 1e9).sum())
    };
    let usd: f64 = functions.iter().map(|cost| cost.paid.usd + cost.requests_usd).sum();
    let mut findings: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| of_design(&finding.function))
        .map(|finding| finding.kind.clone())
        .collect();
    findings.sort_unstable();
    findings.dedup();
    Costs {
        design: name(design).to_owned(),
        functions: functions.len(),
        memory_mb: functions.iter().find_map(|cost| cost.memory_mb),
        paid_s: seconds(|cost| &cost.paid),
        wait_s: seconds(|cost| &cost.wait),
        saving_s: seconds(|cost| &cost.saving),
        usd_per_million: per_request(usd) * 1e6,
        wait_usd_per_million: per_request(functions.iter().map(|cost| cost.wait.usd).sum()) * 1e6,
        findings,
    }
}

fn requests(design: Design) -> f64 {
    let each = match design {
        Design::Monolith => 12,
        Design::Split => 3,
        _ => 1,
    };
    (each * REQUESTS) as f64
}

fn name(design: Design) -> &'static str {
    match design {
        Design::Synchronous => "order: each waits for the next",
        Design::Queued => "order: over queues",
        Design::Serial => "receipt: object, then row",
        Design::Parallel => "receipt: both at once",
        Design::Monolith => "web: one function for all",
        Design::Split => "web: a function for each",
        Design::Orchestrator => "checkout: by a function",
        Design::StateMachine => "checkout: by Step Functions",
    }
}

/// The page's path as somebody would type it here.
fn shown(page: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    page.strip_prefix(&here).unwrap_or(page).display().to_string()
}

fn check(stage: &mut Stage<'_>, rows: &BTreeMap<String, Costs>) -> Result<()> {
    let finds = |design: Design, kind: &str| {
        rows.get(&format!("{design:?}")).is_some_and(|costs| costs.findings.iter().any(|found| found == kind))
    };
    let pairs = [
        (Design::Synchronous, Design::Queued, "sync-invoke"),
        (Design::Serial, Design::Parallel, "serial-wait"),
        (Design::Monolith, Design::Split, "monolith"),
        (Design::Orchestrator, Design::StateMachine, "orchestrator"),
    ];
    for (waits, better, kind) in pairs {
        let found = (finds(waits, kind), finds(better, kind));
        stage.check(SCENE, &format!("{kind} in {} alone", name(waits)), &(true, false), &found)?;
    }
    let wait = |design: Design| rows.get(&format!("{design:?}")).map_or(f64::NAN, |costs| costs.wait_s);
    let (serial, parallel) = (wait(Design::Serial), wait(Design::Parallel));
    let longest = Shop::OBJECT_WRITE_MS as f64 / 1e3;
    let both = longest + Shop::ROW_WRITE_MS as f64 / 1e3;
    stage.check(SCENE, "that both writes are waited for, one after the other", &true, &(serial >= both))?;
    stage.check(
        SCENE,
        "that at once they take as long as one",
        &true,
        &(longest..both).contains(&parallel),
    )?;
    let (waits, queued) = (wait(Design::Synchronous), wait(Design::Queued));
    stage.check(SCENE, "that queues are not waited for", &true, &(queued < waits / 4.0))
}

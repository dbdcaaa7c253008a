use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hopguard_aws::Clients;
use hopguard_core::wait::{Architecture, Price};
use hopguard_core::{Counters, Settings};
use tracing::{error, info, warn};

use crate::addresses::Addresses;
use crate::guard::Guard;
use crate::lifecycle::{Event, Lifecycle};
use crate::observe::{Environment, Listeners, Observer};
use crate::outbound;
use crate::panics::{self, caught};
use crate::proxy::Proxy;

/// The name that Lambda knows the extension by: that of its file.
const NAME: &str = "hopguard";

/// Runs the extension until its environment ends: registers, serves, and wires its parts together.
///
/// It reads the process's environment variables and writes its log, one JSON object a line, to the standard output.
pub fn main() -> ExitCode {
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(tracing::Level::INFO).init();
    panics::log_each_place_once();
    // One thread: Lambda gives this process a slice of one core.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(target: "hopguard", %error, "extension not started");
            return ExitCode::FAILURE;
        }
    };
    // As a task of its own: to wake the future that a runtime blocks on takes more.
    let run = async { tokio::spawn(run()).await.context("it has panicked")? };
    match runtime.block_on(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(target: "hopguard", error = format!("{error:#}"), "extension not started");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let started = Instant::now();
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").context("AWS_LAMBDA_RUNTIME_API is not set")?;
    let managed = std::env::var_os("AWS_LAMBDA_MAX_CONCURRENCY").is_some();
    let (settings, wrong) = Settings::read(variables());
    let (clients, counters) = (Clients::over(outbound::client(authority())), Arc::<Counters>::default());
    let proxy = Proxy::bind().await?;
    let listeners = Listeners::bind(&settings.telemetry).await;
    let (reports, otlp, telemetry) = (listeners.reports(), listeners.otlp(), listeners.telemetry());
    let addresses = Addresses { proxy: Some(proxy.address()), reports, otlp };
    let environment = Environment::read(variables()).without_own_receiver(otlp);
    // The layer is built for the function's processor.
    let architecture = if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::X86_64 };
    let observer = Observer::new(
        environment,
        settings.telemetry.clone(),
        Price::listed(architecture).or_own(settings.usd_per_gb_second),
        settings.thresholds,
        Arc::clone(&counters),
        clients.clone(),
        managed,
    );
    observer.run(listeners);
    let guard = Arc::new(Guard::new(settings, clients, Arc::clone(&counters), observer.clone()));
    tokio::spawn(proxy.serve(guard, api.as_str().into(), !managed));
    if let Err(error) = addresses.publish() {
        warn!(target: "hopguard", %error, "addresses not published: functions run without the proxy");
    }
    let events: &[&str] = if managed { &["SHUTDOWN"] } else { &["INVOKE", "SHUTDOWN"] };
    let lifecycle = Lifecycle::register(&api, NAME, events).await?;
    if let Some(telemetry) = telemetry {
        observer.subscribe(&lifecycle, telemetry).await;
    }
    observer.ready(started);
    let log = async {
        // When the event is asked for.
        tokio::task::yield_now().await;
        for error in &wrong {
            error!(target: "hopguard", %error, "wrong setting: its default is used");
        }
        info!(target: "hopguard", function = lifecycle.function(), "extension registered");
    };
    let (mut event, ()) = tokio::join!(lifecycle.next(), log);
    loop {
        match event {
            Event::Invoke { request_id, deadline_ms } => {
                caught(&counters, observer.invoked(&request_id, deadline_ms)).await;
            }
            Event::Shutdown { deadline_ms } => {
                caught(&counters, observer.shut_down(deadline_ms)).await;
                return Ok(());
            }
            Event::Unknown => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        event = lifecycle.next().await;
    }
}

/// The file of certificate authorities to believe beside the public ones, where something between here and AWS ends TLS. One that is not
/// there is not missed: some environments name it all the same.
fn authority() -> Option<String> {
    let mut named =
        ["AWS_CA_BUNDLE", "SSL_CERT_FILE"].into_iter().filter_map(|name| std::env::var(name).ok());
    named.find(|path| Path::new(path).is_file())
}

/// The variables of hopguard, of Lambda and of OpenTelemetry. Not `vars()`, which panics where a variable that is not even ours is no Unicode.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let ours =
            [hopguard_core::settings::PREFIX, "AWS_LAMBDA_", "AWS_REGION", "LAMBDA_TASK_ROOT", "OTEL_"];
        let read = ours.iter().any(|prefix| name.starts_with(prefix));
        read.then(|| (name, value.to_string_lossy().into_owned()))
    })
}

//! The extension under `lambda-simulator`: the whole Telemetry API, and the freezes between invocations, which AWS's emulator lacks.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopguard_tests::{Collector, Plan, Toolbox, eventually};
use lambda_simulator::process::{ManagedProcess, ProcessConfig, ProcessRole};
use lambda_simulator::{FreezeMode, InvocationStatus, ShutdownReason, Simulator};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);
/// How long a frozen environment stays so: longer than any wait of the layer's that could end meanwhile, but its pauses.
const FROZEN: Duration = Duration::from_secs(2);

/// A simulator with the extension and the tests' function, which are frozen together.
struct Simulated {
    simulator: Simulator,
    extension: ManagedProcess,
    _function: ManagedProcess,
    log: PathBuf,
}

impl Simulated {
    /// With `proxied` the function is one of a managed runtime, else it speaks to the Runtime API itself.
    async fn start(name: &str, collector: &Collector, proxied: bool) -> Result<Self> {
        let simulator =
            Simulator::builder().function_name(name).freeze_mode(FreezeMode::Process).build().await?;
        let folder = Toolbox::new().root().join("log");
        fs::create_dir_all(&folder)?;
        let log = folder.join(format!("simulated-{name}-{}.log", std::process::id()));
        // Its own /tmp, where the layer's parts tell each other where they are; and one process id, so that it is what is frozen.
        let script = format!("mount -t tmpfs tmpfs /tmp && exec \"$0\" >'{}' 2>&1", log.display());
        let extension = ["--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_extension")];
        let program = ["/usr/bin/unshare", "/bin/unshare"]
            .into_iter()
            .find(|program| fs::exists(program).unwrap_or(false));
        let config = ProcessConfig::new(program.context("no unshare")?, ProcessRole::Extension)
            .env("HOPGUARD_OTLP_PORT", "0")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
            // Every invocation is followed by an export.
            .env("HOPGUARD_FLUSH_INTERVAL", "0ms");
        let config = if is_root() { config } else { config.arg("--map-root-user") };
        let config = extension.into_iter().fold(config, ProcessConfig::arg);
        let extension = simulator.spawn_process_with_config(config)?;
        simulator.wait_for(|| async { simulator.extension_count().await == 1 }, SOON).await?;
        let addresses = PathBuf::from(format!("/proc/{}/root/tmp/hopguard/addresses", extension.pid()));
        let addresses = fs::read_to_string(addresses).context("the extension tells no addresses")?;
        let proxy = addresses.lines().find_map(|line| line.strip_prefix("proxy ")).context("no proxy")?;
        let plan = Plan { unguarded: true, fail_first: 1, ..Plan::default() };
        let mut function = ProcessConfig::new(env!("CARGO_BIN_EXE_function"), ProcessRole::Runtime)
            .env(Plan::VARIABLE, plan.text())
            .inherit_stdio(false);
        if proxied {
            let proxy: SocketAddr = proxy.parse()?;
            function = function.env("AWS_LAMBDA_RUNTIME_API", proxy.to_string());
        }
        let function = simulator.spawn_process_with_config(function)?;
        Ok(Self { simulator, extension, _function: function, log })
    }

    /// One invocation from its start to the freeze after it. Of the same text the function fails the first.
    async fn invoke(&self, event: Value) -> Result<InvocationStatus> {
        let id = self.simulator.enqueue_payload(event).await;
        let state = self.simulator.wait_for_invocation_complete(&id, SOON).await;
        let state = state.with_context(|| self.log())?;
        self.simulator.wait_for_frozen(SOON).await.with_context(|| self.log())?;
        Ok(state.status)
    }

    /// The state of the extension's process, as the kernel has it: `T` is stopped.
    fn state(&self) -> Result<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.extension.pid()))?;
        Ok(stat.rsplit(") ").next().unwrap_or_default().chars().take(1).collect())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as Lambda does; what the extension logged.
    async fn shut_down(self) -> Result<String> {
        let Self { simulator, mut extension, log, .. } = self;
        simulator.graceful_shutdown(ShutdownReason::Spindown).await;
        let status = eventually("the extension to end", SOON, async || Ok(extension.try_wait()?)).await?;
        assert!(status.success(), "{status}");
        Ok(fs::read_to_string(log)?)
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// What the platform told of so many invocations, one of which has failed.
fn assert_told(collector: &Collector, invocations: u64, log: &str) {
    let many = json!(invocations.to_string());
    for (name, member, expected) in [
        ("faas.invocations", "asInt", &many),
        ("faas.errors", "asInt", &json!("1")),
        ("faas.coldstarts", "asInt", &json!("1")),
        ("faas.invoke_duration", "count", &many),
        ("hopguard.billed_duration", "count", &many),
        ("faas.mem_usage", "count", &many),
        ("faas.init_duration", "count", &json!("1")),
    ] {
        assert_eq!(&collector.last_point(name)[member], expected, "{name}: {log}");
    }
    // The simulator says that half of 128 MB was used, by each.
    assert_eq!(collector.last_point("faas.mem_usage")["max"], json!(67_108_864.0));
}

#[tokio::test]
async fn freezes_cost_no_invocation_and_no_telemetry() -> Result<()> {
    let collector = Collector::start().await?;
    let simulated = Simulated::start("frozen", &collector, true).await?;
    let invocations = 5;
    for nth in 0..invocations {
        let expected = if nth == 0 { InvocationStatus::Error } else { InvocationStatus::Success };
        assert_eq!(simulated.invoke(json!({ "order": 1 })).await?, expected, "{nth}: {}", simulated.log());
        // The export was before the freeze.
        let own = |span: &Value| span["scope"] == "hopguard";
        collector.wait_for_spans(nth + 1, Duration::from_secs(1), own).await?;
        eventually("the kernel to stop it", SOON, async || Ok((simulated.state()? == "T").then_some(())))
            .await?;
        // Whoever is at the other end of a connection does not wait for an environment that sleeps.
        collector.disconnect();
        tokio::time::sleep(FROZEN).await;
    }
    let log = simulated.shut_down().await?;
    let spans: std::collections::HashSet<_> =
        collector.spans().iter().map(|span| span["attributes"]["faas.invocation_id"].to_string()).collect();
    assert_eq!((spans.len(), collector.spans().len()), (invocations, invocations), "{log}");
    assert!(collector.connections() >= invocations, "each that ended was replaced");
    assert_told(&collector, invocations as u64, &log);
    assert!(!log.contains("\"WARN\"") && !log.contains("\"ERROR\""), "{log}");
    Ok(())
}

/// Where the runtime speaks to Lambda itself, `platform.runtimeDone` says that an invocation has ended.
#[tokio::test]
async fn without_the_proxy_the_platform_tells_of_invocations() -> Result<()> {
    let collector = Collector::start().await?;
    let simulated = Simulated::start("unproxied", &collector, false).await?;
    for nth in 0..3 {
        let expected = if nth == 0 { InvocationStatus::Error } else { InvocationStatus::Success };
        assert_eq!(simulated.invoke(json!({ "order": 1 })).await?, expected, "{nth}: {}", simulated.log());
    }
    let log = simulated.shut_down().await?;
    assert_told(&collector, 3, &log);
    assert!(!log.contains("\"WARN\"") && !log.contains("\"ERROR\""), "{log}");
    Ok(())
}

//! `lambda-simulator` with the extension and the tests' function: plain processes, which are frozen together between invocations.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopguard_tests::{Collector, Plan, Toolbox, eventually};
use lambda_simulator::process::{ManagedProcess, ProcessConfig, ProcessRole};
use lambda_simulator::{FreezeMode, InvocationStatus, ShutdownReason, Simulator};
use serde_json::Value;

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A simulator with the extension and the tests' function, which are frozen together.
pub(crate) struct Simulated {
    simulator: Simulator,
    extension: ManagedProcess,
    _function: ManagedProcess,
    log: PathBuf,
}

impl Simulated {
    /// With `proxied` the function is one of a managed runtime, else it speaks to the Runtime API itself.
    pub(crate) async fn start(name: &str, collector: &Collector, proxied: bool) -> Result<Self> {
        let simulator =
            Simulator::builder().function_name(name).freeze_mode(FreezeMode::Process).build().await?;
        let folder = Toolbox::new().root().join("log");
        fs::create_dir_all(&folder)?;
        let log = folder.join(format!("simulated-{name}-{}.log", std::process::id()));
        // Its own /tmp/hopguard, where the layer's parts tell each other where they are; and one process id, so that it is what is frozen.
        let script = format!(
            "mkdir -p /tmp/hopguard && mount -t tmpfs tmpfs /tmp/hopguard && exec \"$0\" >'{}' 2>&1",
            log.display()
        );
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
    pub(crate) async fn invoke(&self, event: Value) -> Result<InvocationStatus> {
        let id = self.simulator.enqueue_payload(event).await;
        let state = self.simulator.wait_for_invocation_complete(&id, SOON).await;
        let state = state.with_context(|| self.log())?;
        self.simulator.wait_for_frozen(SOON).await.with_context(|| self.log())?;
        Ok(state.status)
    }

    /// The state of the extension's process, as the kernel has it: `T` is stopped.
    pub(crate) fn state(&self) -> Result<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.extension.pid()))?;
        Ok(stat.rsplit(") ").next().unwrap_or_default().chars().take(1).collect())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as Lambda does; what the extension logged.
    pub(crate) async fn shut_down(self) -> Result<String> {
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

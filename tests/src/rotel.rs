//! A collector that is not ours.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{net::TcpStream, task::spawn_blocking};

use crate::{
    collector::Collector,
    eventually::eventually,
    supervised::{Launch, Supervised},
    toolbox::{self, Tool, Toolbox},
};

/// How long it may take until it listens.
const START_WAIT: Duration = Duration::from_secs(30);
/// How often it is started anew where another process took its port.
const START_ATTEMPTS: u32 = 3;

/// A running rotel, a third party's collector: it decodes what it gets, and encodes it anew for a [`Collector`].
#[derive(Debug)]
pub struct Rotel {
    server: Supervised,
}

impl Rotel {
    /// Starts it. The first time, it is installed.
    ///
    /// # Errors
    /// Where it cannot be installed or does not start.
    pub async fn start(behind: &Collector) -> Result<Self> {
        let toolbox = Toolbox::new();
        let tools = toolbox.clone();
        let progress = toolbox::on_stderr();
        spawn_blocking(move || tools.install(Tool::Rotel, &Arc::clone(&progress)))
            .await
            .context("the installation was interrupted")??;
        let mut attempt = 1;
        loop {
            match launch(&toolbox, behind).await {
                Ok(server) => return Ok(Self { server }),
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// The end of its log: what it refuses is there.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.tail()
    }
}

async fn launch(toolbox: &Toolbox, behind: &Collector) -> Result<Supervised> {
    let mut launch = Launch::new(toolbox, "rotel")?;
    let (port, scratch) = (launch.port, launch.scratch.clone());
    launch.tool(toolbox, Tool::Rotel);
    for argument in
        ["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http", "--batch-timeout", "50ms"]
    {
        launch.argument(argument);
    }
    launch
        .argument("--otlp-http-endpoint")
        .argument(format!("127.0.0.1:{port}"))
        // Nobody speaks gRPC to it.
        .argument("--otlp-grpc-endpoint")
        .argument("127.0.0.1:0")
        .argument("--otlp-exporter-endpoint")
        .argument(behind.endpoint())
        .argument("--pid-file")
        .argument(scratch.join("pid"))
        .argument("--log-file")
        .argument(scratch.join("log"));
    let mut server = launch.start(toolbox)?;
    eventually("rotel to listen", START_WAIT, async || {
        if server.has_ended()? {
            return Ok(Some(()));
        }
        Ok(TcpStream::connect(("127.0.0.1", port)).await.is_ok().then_some(()))
    })
    .await?;
    server.check()?;
    Ok(server)
}

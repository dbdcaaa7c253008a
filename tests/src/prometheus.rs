//! A Prometheus of its own, which scrapes what a test says.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, spawn_blocking},
};

use crate::{
    eventually::eventually,
    http::Request,
    supervised::{Launch, Supervised},
    toolbox::{self, Toolbox},
};

/// How long it may take until it answers.
const START_WAIT: Duration = Duration::from_secs(30);
/// How often it is started anew where another process took its port.
const START_ATTEMPTS: u32 = 3;

/// A running Prometheus of Debian's package. It scrapes, and evaluates its rules, once a second.
#[derive(Debug)]
pub struct Prometheus {
    server: Supervised,
    page: Arc<Mutex<String>>,
    listener: AbortHandle,
}

impl Prometheus {
    /// Starts it with the rules of a file. The first time, it is fetched.
    ///
    /// # Errors
    /// Where it cannot be fetched or does not start.
    pub async fn start(rules: &Path) -> Result<Self> {
        let toolbox = Toolbox::new();
        let tools = toolbox.clone();
        let programs = spawn_blocking(move || tools.prometheus(&toolbox::on_stderr()))
            .await
            .context("the installation was interrupted")??;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot bind a loopback port")?;
        let target = listener.local_addr().context("a bound port has no address")?.to_string();
        let page = Arc::<Mutex<String>>::default();
        let listening = tokio::spawn(serve(listener, Arc::clone(&page))).abort_handle();
        let mut attempt = 1;
        loop {
            match launch(&toolbox, &programs, rules, &target).await {
                Ok(server) => return Ok(Self { server, page, listener: listening }),
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    /// From now on, this is what is scraped, in Prometheus's text format.
    pub fn expose(&self, text: String) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// The series that an expression has at a moment, in seconds since 1970.
    ///
    /// # Errors
    /// Where Prometheus refuses the expression.
    pub async fn at(&self, expression: &str, time: f64) -> Result<Vec<Value>> {
        self.query("/api/v1/query", &[("query", expression), ("time", &time.to_string())]).await
    }

    /// The series that an expression has between two moments, with a value a minute.
    ///
    /// # Errors
    /// Where Prometheus refuses the expression.
    pub async fn between(&self, expression: &str, start: f64, end: f64) -> Result<Vec<Value>> {
        let (start, end) = (start.to_string(), end.to_string());
        let form = [("query", expression), ("start", &start), ("end", &end), ("step", "60")];
        self.query("/api/v1/query_range", &form).await
    }

    /// The alerts that fire.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn firing(&self) -> Result<Vec<Value>> {
        let answer = Request::get("/api/v1/alerts").send(self.server.port()).await?;
        let alerts = answer.pointer("/data/alerts").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(alerts.into_iter().filter(|alert| alert.get("state") == Some(&json!("firing"))).collect())
    }

    async fn query(&self, path: &str, form: &[(&str, &str)]) -> Result<Vec<Value>> {
        let body: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let request = Request::post(path, "application/x-www-form-urlencoded", body.join("&"));
        let answer = request.send(self.server.port()).await?;
        let result = answer.pointer("/data/result").and_then(Value::as_array);
        Ok(result.with_context(|| format!("no result: {answer}"))?.clone())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn launch(toolbox: &Toolbox, programs: &Path, rules: &Path, target: &str) -> Result<Supervised> {
    let mut launch = Launch::new(toolbox, "prometheus")?;
    let (port, scratch) = (launch.port, launch.scratch.clone());
    // JSON is YAML.
    let configuration = json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
        "rule_files": [rules],
        "scrape_configs": [{ "job_name": "collector", "honor_labels": true, "static_configs": [{ "targets": [target] }] }],
    });
    let file = scratch.join("prometheus.yml");
    fs::write(&file, configuration.to_string()).context("cannot write the configuration of Prometheus")?;
    launch
        .argument(programs.join("prometheus"))
        .argument(format!("--config.file={}", file.display()))
        .argument(format!("--storage.tsdb.path={}", scratch.join("data").display()))
        .argument(format!("--web.listen-address=127.0.0.1:{port}"))
        .argument("--log.level=warn");
    let mut server = launch.start(toolbox)?;
    eventually("Prometheus to be ready", START_WAIT, async || {
        if server.has_ended()? {
            return Ok(Some(()));
        }
        Ok(Request::get("/-/ready").text(port).await.is_ok().then_some(()))
    })
    .await?;
    server.check()?;
    Ok(server)
}

/// Answers every request with the page.
async fn serve(listener: TcpListener, page: Arc<Mutex<String>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let text = page.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Whoever breaks off asks again.
        tokio::spawn(async move { answer(stream, &text).await.is_ok() });
    }
}

async fn answer(mut stream: TcpStream, text: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await
}

/// As a form has it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

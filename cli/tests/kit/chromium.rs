//! Headless Chromium, driven by the DevTools protocol.
#![allow(clippy::needless_pass_by_value, reason = "values are made in place")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// How long one answer may take on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(120);

/// One page in a browser of its own.
pub struct Page {
    browser: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: String,
    last: u64,
    /// What the page asked the network for.
    pub requests: Vec<String>,
    /// Errors and warnings of its console, exceptions, and what its policy kept from it.
    pub complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.browser.kill());
        drop(self.browser.wait());
    }
}

impl Page {
    /// Starts Chromium. `CHROMIUM` names another one than `chromium`.
    pub fn open() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let mut browser = Command::new(&program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"])
            .args(["--disable-extensions", "--disable-default-apps", "--remote-debugging-port=0", "--remote-allow-origins=*"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}; install it (Debian: apt-get install chromium), name it in CHROMIUM, or leave these tests out: -E 'not binary(page)'"));
        let mut said = BufReader::new(browser.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "chromium ended before it listened");
            if let Some((_, address)) = line.split_once("DevTools listening on ") {
                break address.trim().to_owned();
            }
        };
        // Whatever else it says is read, so that it never waits for that.
        std::thread::spawn(move || said.lines().for_each(drop));
        let (mut socket, _) = tungstenite::connect(&address).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_read_timeout(Some(LIMIT)).unwrap();
        }
        let (requests, complaints) = (Vec::new(), Vec::new());
        let mut page = Self {
            browser,
            socket,
            session: String::new(),
            last: 0,
            requests,
            complaints,
            _profile: profile,
        };
        let target = page.ask("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = page.ask("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        page.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Network", "Runtime", "Log"] {
            page.ask(&format!("{domain}.enable"), json!({}));
        }
        page
    }

    /// Shows a file at a width, in a scheme: `light` or `dark`.
    pub fn show(&mut self, file: &Path, width: u32, scheme: &str) {
        let phone = width < 600;
        let height = if phone { 844 } else { 900 };
        self.ask("Emulation.setDeviceMetricsOverride", json!({ "width": width, "height": height, "deviceScaleFactor": if phone { 2 } else { 1 }, "mobile": phone }));
        self.ask("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" }] }));
        self.go(&format!("file://{}", file.display()));
    }

    /// Goes to an address, and waits until it is loaded.
    pub fn go(&mut self, address: &str) {
        self.ask("Page.navigate", json!({ "url": address }));
        loop {
            let event = self.next();
            if event["method"] == "Page.loadEventFired" {
                return;
            }
        }
    }

    /// The value of a JavaScript expression.
    pub fn value(&mut self, expression: &str) -> Value {
        let result = self.ask(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        );
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Types one key, as `Tab` or `Enter`.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" && kind == "keyDown" { "\r" } else { "" };
            self.ask(
                "Input.dispatchKeyEvent",
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text }),
            );
        }
    }

    /// A picture of the page from the top, at most so high.
    pub fn picture(&mut self, path: &Path, most: u32) {
        let (width, height) =
            (self.value("innerWidth"), self.value("Math.ceil(document.documentElement.scrollHeight)"));
        let height = height.as_u64().unwrap().min(u64::from(most));
        let phone = width.as_u64() < Some(600);
        // As high as the page, so that what is not seen yet is drawn too.
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone }),
        );
        self.value("scrollTo(0, 0)");
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
        let picture = self.ask("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(message.to_string())).unwrap();
        loop {
            let answer = self.next();
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn next(&mut self) -> Value {
        let message = self.socket.read().unwrap_or_else(|error| panic!("chromium does not answer: {error}"));
        let message: Value = serde_json::from_str(message.to_text().unwrap_or("{}")).unwrap_or_default();
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                self.requests.push(params["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            Some("Runtime.consoleAPICalled") if params["type"] != "log" => {
                self.complaints.push(params.to_string());
            }
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => self.complaints.push(params.to_string()),
            _ => {}
        }
        message
    }
}

//! `hopguard report` on spans with known numbers.
#![allow(unreachable_pub, missing_docs, clippy::type_complexity, reason = "nobody links a test")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "it may stop"
)]

mod kit;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kit::{Run, Spans};
use serde_json::{Value, json};

const MS: u64 = kit::MS;
const PRICE: f64 = 0.000_016_666_7;

fn hopguard(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopguard"));
    command.args(arguments).env_remove("CLICOLOR_FORCE").stdin(Stdio::null()).output().unwrap()
}

fn said(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

/// A folder with one file of spans.
struct Input {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Input {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("spans.json");
        std::fs::write(&file, text).unwrap();
        Self { folder, file }
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    fn json(&self, more: &[&str]) -> Value {
        let output = hopguard(&[&["report", self.path(), "--output", "json"], more].concat());
        assert!(output.status.success(), "{}", said(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Create order → process payment → create invoice, each of known length. In milliseconds:
/// order    0..1000 at 512 MB:  PutItem 10..60, Invoke 100..900
/// payment  110..890 at 1024 MB: GetItem 120..320 and Charge 220..420 overlap, Invoke 450..850
/// invoice  460..840 at 256 MB:  PutObject 500..800
fn three() -> Spans {
    let mut spans = Spans::default();
    let order = spans.run(Run::new("create-order", "http", 7, 0.0, 1000.0).memory(512));
    spans.call(&order, "DynamoDB.PutItem", "orders", 10.0, 60.0);
    let invoke = spans.call(&order, "Lambda.Invoke", "process-payment", 100.0, 900.0);
    let payment =
        spans.run(Run::new("process-payment", "invoke", 7, 110.0, 780.0).memory(1024).sent_by(&invoke, 1, 1));
    spans.call(&payment, "DynamoDB.GetItem", "cards", 120.0, 320.0);
    spans.call(&payment, "Bank.Charge", "bank", 220.0, 420.0);
    let invoke = spans.call(&payment, "Lambda.Invoke", "create-invoice", 450.0, 850.0);
    let invoice =
        spans.run(Run::new("create-invoice", "invoke", 7, 460.0, 380.0).memory(256).sent_by(&invoke, 2, 1));
    spans.call(&invoice, "S3.PutObject", "invoices", 500.0, 800.0);
    spans
}

fn of<'v>(report: &'v Value, list: &str, function: &str) -> &'v Value {
    report[list].as_array().unwrap().iter().find(|one| one["function"] == function).unwrap()
}

fn close(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= expected.abs() * 1e-9, "{value} is not {expected}");
}

#[test]
fn three_functions_that_wait_for_each_other() {
    let report = Input::new(&three().lines()).json(&[]);
    // By hand: the unions of the calls, and of the synchronous Invokes alone.
    for (function, memory_mb, paid_ms, wait_ms, twice_ms, callee_gb_s) in [
        ("create-order", 512, 1000, 850, 800, 0.78),
        ("process-payment", 1024, 780, 700, 400, 0.38 * 0.25),
        ("create-invoice", 256, 380, 300, 0, 0.0),
    ] {
        let row = of(&report, "functions", function);
        let gb = f64::from(memory_mb) / 1024.0;
        assert_eq!(
            (row["memory_mb"].as_i64(), row["invocations"].as_i64()),
            (Some(memory_mb.into()), Some(1))
        );
        assert_eq!(row["paid"]["ns"], paid_ms * MS, "{function}");
        assert_eq!(row["wait"]["ns"], wait_ms * MS, "{function}");
        assert_eq!(row["sync_invoke_wait"]["ns"], twice_ms * MS, "{function}");
        close(&row["paid"]["usd"], paid_ms as f64 / 1000.0 * gb * PRICE);
        close(&row["wait"]["usd"], wait_ms as f64 / 1000.0 * gb * PRICE);
        close(&row["sync_invoke_callees"]["gb_seconds"], callee_gb_s);
    }
    assert_eq!(report["totals"]["wait"]["ns"], 1850 * MS);
    close(&report["totals"]["paid"]["gb_seconds"], 0.5 + 0.78 + 0.095);
    // One chain over three functions, and whose call each was.
    let shape = &report["chains"]["shapes"][0];
    assert_eq!((report["chains"]["total"].as_u64(), shape["edges"].as_array().unwrap().len()), (Some(1), 3));
    let payment = of(&report, "invocations", "process-payment");
    let order = of(&report, "invocations", "create-order");
    assert_eq!(order["calls"][1]["callee"], payment["key"]);
    assert_eq!(payment["sent_by"], json!([order["key"]]));
    assert_eq!(
        payment["waits"],
        json!([{"start_ns": 10 * MS, "duration_ns": 300 * MS}, {"start_ns": 340 * MS, "duration_ns": 400 * MS}])
    );
    let critical: Vec<_> =
        payment["calls"].as_array().unwrap().iter().map(|call| call["critical"].as_bool().unwrap()).collect();
    assert_eq!(critical, [false, true, true]);
    let kinds: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["kind"].as_str().unwrap(), one["function"].as_str().unwrap()))
        .collect();
    assert!(
        kinds.contains(&("sync-invoke", "create-order"))
            && kinds.contains(&("sync-invoke", "process-payment")),
        "{kinds:?}"
    );
}

#[test]
fn each_usd_follows_from_the_numbers_beside_it() {
    let input = Input::new(&kit::sample::shop().lines());
    let page = input.folder.path().join("page.html");
    assert!(hopguard(&["report", input.path(), "--out", page.to_str().unwrap()]).status.success());
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split_once("<tbody").unwrap().1.split_once("</tbody>").unwrap().0;
    let mut rows = 0;
    for row in table.split("<tr").skip(1) {
        let cell = |label: &str| -> f64 {
            let (_, rest) = row.split_once(&format!("data-label=\"{label}\">")).unwrap();
            let text: String =
                rest.chars().take_while(|c| *c != '<').filter(|c| !matches!(c, '$' | ',')).collect();
            text.parse().unwrap_or_else(|_| panic!("{label}: {text}"))
        };
        let near = |shown: f64, seconds: f64, what: &str| {
            let by_hand = seconds * cell("MB") / 1024.0 * PRICE;
            // Four digits are shown of each.
            assert!((shown - by_hand).abs() <= by_hand * 0.001, "{what}: {shown} is not {by_hand} in {row}");
        };
        near(cell("USD"), cell("Paid s"), "paid");
        near(cell("Wait USD"), cell("Wait s"), "wait");
        assert!((cell("GB-s") - cell("Paid s") * cell("MB") / 1024.0).abs() < 1e-3);
        rows += 1;
    }
    assert_eq!(rows, 16);
    assert!(page.contains("$0.0000166667") && page.contains(&*hopguard_core::wait::Price::default().source));
}

#[test]
fn a_loop_is_drawn_with_its_hops_and_visits() {
    let report = Input::new(&kit::sample::shop().lines()).json(&[]);
    let shape = &report["chains"]["shapes"][0];
    assert_eq!(
        (&shape["max_hop"], &shape["max_visits"], &shape["blocked"]),
        (&json!(10), &json!(6), &json!(1))
    );
    let edges: Vec<_> = shape["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            (
                edge["in_loop"].as_bool().unwrap(),
                edge["min_hop"].as_u64().unwrap(),
                edge["max_hop"].as_u64().unwrap(),
                edge["max_visits"].as_u64().unwrap(),
                edge["invocations"].as_u64().unwrap(),
            )
        })
        .collect();
    assert!(
        edges.contains(&(true, 1, 9, 5, 5))
            && edges.contains(&(true, 2, 10, 6, 5))
            && edges.contains(&(false, 0, 0, 1, 1)),
        "{edges:?}"
    );
    let kinds: std::collections::BTreeSet<_> =
        report["findings"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["monolith", "orchestrator", "recursion", "serial-wait", "sync-invoke"]
    );
    // Each finding leads to an invocation that is shown.
    let keys: Vec<_> = report["invocations"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    for finding in report["findings"].as_array().unwrap() {
        assert!(keys.contains(&&finding["examples"][0]["key"]), "{finding}");
    }
}

#[test]
fn senders_are_found_without_their_spans() {
    let mut spans = Spans::default();
    // Another trace, as where the client context alone carries the lineage: by name and time.
    let caller = spans.run(Run::new("caller", "http", 1, 0.0, 100.0));
    spans.call(
        &caller,
        "Lambda.Invoke",
        "arn:aws:lambda:eu-central-1:123456789012:function:callee:live",
        10.0,
        90.0,
    );
    spans.run(Run::new("callee", "invoke", 2, 15.0, 70.0));
    spans.run(Run::new("callee", "invoke", 3, 200.0, 70.0));
    // No call's span at all: by hop.
    spans.run(Run::new("first", "sqs", 4, 0.0, 10.0));
    spans.run(Run { hop: 1, ..Run::new("second", "sqs", 4, 20.0, 10.0) });
    // A call that knows its invocation by the request id alone.
    let alone = spans.run(Run::new("alone", "sqs", 5, 0.0, 50.0));
    spans.call(&kit::Made { trace: 99, span: 98, ..alone }, "SQS.SendMessage", "q", 10.0, 20.0);
    let report = Input::new(&spans.lines()).json(&[]);
    let caller = of(&report, "invocations", "caller");
    assert_eq!(caller["sync_invoke_callees"]["ns"], 70 * MS);
    assert!(caller["calls"][0]["callee"].is_string());
    assert_eq!(
        of(&report, "invocations", "second")["sent_by"],
        json!([of(&report, "invocations", "first")["key"]])
    );
    assert_eq!(of(&report, "functions", "alone")["wait"]["ns"], 10 * MS);
    assert_eq!(report["calls_without_invocation"], 0);
}

#[test]
fn retries_dependence_and_time_limits() {
    let mut spans = Spans::default();
    let run = spans.run(Run::new("f", "sqs", 1, 0.0, 1000.0).memory(1024));
    let put = spans.call(&run, "DynamoDB.PutItem", "t", 0.0, 100.0);
    let link = json!([{ "traceId": format!("{:032x}", 1), "spanId": format!("{:016x}", put.span), "attributes": [kit::attribute("hopguard.relation", &json!("depends_on"))] }]);
    spans.call_with(&run, "DynamoDB.GetItem", "t", 100.0, 300.0, &[], json!([]), link);
    let attempts =
        json!([Spans::attempt(400.0, 100.0, Some("TimeoutError")), Spans::attempt(600.0, 50.0, None)]);
    spans.call_with(
        &run,
        "S3.PutObject",
        "b",
        400.0,
        650.0,
        &[("http.request.resend_count", json!(1))],
        attempts,
        json!([]),
    );
    spans.call_with(
        &run,
        "SNS.Publish",
        "n",
        700.0,
        900.0,
        &[("error.type", json!("ReadTimeoutError"))],
        json!([]),
        json!([]),
    );
    let report = Input::new(&spans.lines()).json(&[]);
    let one = of(&report, "invocations", "f");
    assert_eq!(
        (one["retries"].as_u64(), one["timeouts"].as_u64(), one["retry_wait"]["ns"].as_u64()),
        (Some(1), Some(1), Some(200 * MS))
    );
    assert_eq!(one["calls"][1]["depends_on"], json!([0]));
    assert_eq!(
        one["calls"][2]["attempts"],
        json!([{"start_ns": 400 * MS, "duration_ns": 100 * MS}, {"start_ns": 600 * MS, "duration_ns": 50 * MS}])
    );
    // 100 + 200 + 250 + 200 less the chain of the first two.
    assert_eq!(one["saving"]["ns"], 450 * MS);
}

#[test]
fn what_is_not_spans_is_passed_over_and_said() {
    let whole = three().lines();
    let cut: String = whole.chars().take(whole.len() - 200).collect();
    let text = format!("{{\"resourceMetrics\":[]}}\n{{\"resourceLogs\":[]}}\nnot json\n{cut}");
    let input = Input::new(&text);
    std::fs::write(input.folder.path().join("spans.json.1"), three().lines().lines().next().unwrap())
        .unwrap();
    let report = input.json(&[]);
    let expected = json!({"files": 2, "cut_off": 1, "unreadable": 1, "other_signals": 2});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&report["input"][key], value, "{key}");
    }
    let output = hopguard(&["report", input.path()]);
    let text = said(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("1 line that is cut off") && text.contains("2 requests of metrics or logs"),
        "{text}"
    );
}

#[test]
fn nothing_to_tell_of_is_said_and_not_drawn() {
    let spans = three().lines();
    let foreign = spans.replace("faas.trigger", "other.trigger");
    let cases: [(&str, &str, &[&str], i32, &[&str]); 6] = [
        ("empty", "", &[], 3, &["no span was found", "HOPGUARD_OTLP_FILE"]),
        (
            "metrics",
            "{\"resourceMetrics\":[{}]}\n",
            &[],
            3,
            &["no span was found", "1 request of metrics or logs"],
        ),
        ("spans of others", &foreign, &[], 3, &["none of 9 spans is an invocation", "faas.trigger"]),
        (
            "filtered",
            &spans,
            &["--function", "nobody"],
            3,
            &["none of 3 invocations is left", "create-invoice, create-order, process-payment"],
        ),
        ("another time", &spans, &["--until", "2020-01-01"], 3, &["they are from 2026-11-24 00:42:00"]),
        ("a wrong price", &spans, &["--usd-per-gb-second", "five"], 2, &["0.0000133334"]),
    ];
    for (name, text, more, code, words) in cases {
        let input = Input::new(text);
        let output = hopguard(&[&["report", input.path()], more].concat());
        let errors = said(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{name}: {errors}");
        assert!(words.iter().all(|word| errors.contains(word)), "{name}: {errors}");
        assert!(output.stdout.is_empty() && !errors.contains('\u{1b}'), "{name}");
    }
    let output = hopguard(&["report", "/nowhere/spans.json"]);
    assert_eq!(
        (output.status.code(), said(&output.stderr).contains("does not exist; name the file")),
        (Some(1), true)
    );
}

#[test]
fn standard_input_folders_and_a_pretty_document() {
    let spans = three();
    let input = Input::new(&spans.lines());
    let whole = input.json(&[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_hopguard"))
        .args(["report", "-", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(spans.lines().as_bytes()).unwrap();
    let by_pipe: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(by_pipe, whole);
    let of_folder = hopguard(&["report", input.folder.path().to_str().unwrap(), "--output", "json"]);
    assert_eq!(serde_json::from_slice::<Value>(&of_folder.stdout).unwrap(), whole);
    let requests: Vec<Value> = spans
        .lines()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["resourceSpans"][0].clone())
        .collect();
    let pretty =
        Input::new(&serde_json::to_string_pretty(&json!({ "resourceSpans": requests })).unwrap()).json(&[]);
    assert_eq!((&pretty["totals"], &pretty["findings"]), (&whole["totals"], &whole["findings"]));
}

#[test]
fn filters_prices_and_memory() {
    let spans = three().lines();
    let input = Input::new(&spans);
    let report = input.json(&["--function", "create-order", "--usd-per-gb-second", "0.00001"]);
    assert_eq!(report["totals"]["invocations"], 1);
    close(&report["totals"]["paid"]["usd"], 0.5 * 0.00001);
    // What the callee cost is known although it is filtered out.
    close(&report["totals"]["sync_invoke_callees"]["gb_seconds"], 0.78);
    assert_eq!(report["filters"], json!(["function create-order"]));
    assert_eq!(input.json(&["--since", "2026-11-24T00:42:00.200Z"])["totals"]["invocations"], 1);
    let without = Input::new(&spans.replace("faas.max_memory", "other"));
    let report = without.json(&[]);
    assert_eq!((&report["totals"]["unpriced"], &report["totals"]["paid"]["usd"]), (&json!(3), &json!(0.0)));
    assert_eq!(report["functions"][0]["memory_mb"], Value::Null);
    close(&without.json(&["--memory", "1024"])["totals"]["paid"]["gb_seconds"], 2.16);
    let findings = input.json(&["--findings", "sync-invoke.invokes=2"])["findings"].clone();
    assert!(findings.as_array().unwrap().iter().all(|one| one["kind"] != "sync-invoke"), "{findings}");
}

#[test]
fn text_fits_eighty_columns_and_is_coloured_only_where_it_is_seen() {
    let mut spans = kit::sample::shop();
    spans.run(Run::new(&"long".repeat(60), "sqs", 1, 0.0, 50.0));
    spans.run(Run::new("\u{1b}[2Jclear\u{202e}", "sqs", 1, 0.0, 50.0));
    let input = Input::new(&spans.lines());
    let text = said(&hopguard(&["report", input.path()]).stdout);
    for line in text.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 80, "{line}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    let forced = |no_color: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hopguard"));
        command.args(["report", input.path()]).env("CLICOLOR_FORCE", "1");
        if no_color {
            command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
        }
        said(&command.output().unwrap().stdout)
    };
    let coloured = forced(false);
    assert!(coloured.contains("\u{1b}[31m") && !coloured.contains("\u{1b}[2J"));
    assert!(!forced(true).contains('\u{1b}'));
    for words in [
        "FINDINGS",
        "COST",
        "WAIT",
        "CHAINS",
        "INVOCATIONS",
        "visit 6",
        "sync-ledger → sync-orders",
        "1 blocked",
    ] {
        assert!(text.contains(words), "{words}");
    }
}

/// 20,000 chains of two functions, and 100,000 spans.
fn many(file: &Path) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
    for part in 0..100_u32 {
        let mut spans = Spans::starting_at(u64::from(part) * 1_000);
        for number in 0..200_u32 {
            let (chain, at) = (part * 200 + number, f64::from(part * 200 + number) * 3.0);
            let function = format!("f{}", chain % 40);
            let run =
                spans.run(Run::new(&function, "sqs", u128::from(chain) + 1, at, 90.0 + f64::from(chain % 7)));
            spans.call(&run, "DynamoDB.GetItem", "t", at + 5.0, at + 30.0);
            spans.call(&run, "DynamoDB.PutItem", "t", at + 31.0, at + 50.0);
            let sent = spans.call(&run, "SQS.SendMessage", "q", at + 51.0, at + 60.0);
            spans.run(
                Run::new(&format!("g{}", chain % 40), "sqs", u128::from(chain) + 1, at + 70.0, 8.0)
                    .sent_by(&sent, 1, 1),
            );
        }
        out.write_all(spans.lines().as_bytes()).unwrap();
    }
}

#[test]
fn a_hundred_thousand_spans() {
    let folder = tempfile::tempdir().unwrap();
    let (input, page) = (folder.path().join("many.json"), folder.path().join("page.html"));
    many(&input);
    let made = hopguard(&["report", input.to_str().unwrap(), "--out", page.to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made.stderr));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.ends_with("</html>") && page.contains("of 40,000 are shown"));
    let report = hopguard(&["report", input.to_str().unwrap(), "--output", "json"]);
    assert!(report.stdout.len() < 3_000_000, "{} bytes", report.stdout.len());
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(
        (&report["input"]["spans"], &report["totals"]["invocations"], &report["totals"]["calls"]),
        (&json!(100_000), &json!(40_000), &json!(60_000))
    );
    assert_eq!((&report["chains"]["total"], &report["chains"]["shapes_total"]), (&json!(20_000), &json!(40)));
    assert_eq!(report["totals"]["wait"]["ns"], 20_000 * 53 * MS);
    // Every function is in the table, and among the invocations.
    let shown: std::collections::BTreeSet<_> = report["invocations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["function"].as_str().unwrap())
        .collect();
    assert_eq!((report["functions"].as_array().unwrap().len(), shown.len()), (80, 80));
    assert!(report["invocations"].as_array().unwrap().len() <= 300);
}

//! Spans as the layer and the crate write them, made by hand.
#![allow(
    dead_code,
    clippy::needless_pass_by_value,
    reason = "each test uses a part of it, and makes values in place"
)]

pub mod sample;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub const MS: u64 = 1_000_000;
/// 2026-11-24 00:42:00 UTC.
pub const EPOCH: u64 = 1_795_480_920_000_000_000;

/// An invocation, with times in milliseconds from [`EPOCH`] on.
#[derive(Clone, Debug)]
pub struct Run {
    pub function: String,
    pub source: &'static str,
    pub trace: u128,
    pub sender: Option<u64>,
    pub at: f64,
    pub took: f64,
    pub memory_mb: u64,
    pub hop: u32,
    pub visits: u32,
    pub more: Vec<(&'static str, Value)>,
}

impl Run {
    pub fn new(function: &str, source: &'static str, trace: u128, at: f64, took: f64) -> Self {
        Self {
            function: function.to_owned(),
            source,
            trace,
            sender: None,
            at,
            took,
            memory_mb: 512,
            hop: 0,
            visits: 1,
            more: Vec::new(),
        }
    }

    pub fn sent_by(self, sender: &Made, hop: u32, visits: u32) -> Self {
        Self { sender: Some(sender.span), hop, visits, ..self }
    }

    pub fn memory(self, memory_mb: u64) -> Self {
        Self { memory_mb, ..self }
    }

    pub fn with(mut self, key: &'static str, value: Value) -> Self {
        self.more.push((key, value));
        self
    }
}

/// A span that was made: enough to be somebody's parent.
#[derive(Clone, Debug)]
pub struct Made {
    pub trace: u128,
    pub span: u64,
    pub request: String,
    pub function: String,
}

/// Spans by function, to be written as requests.
#[derive(Debug, Default)]
pub struct Spans {
    last: u64,
    by_function: BTreeMap<(String, u64), Vec<Value>>,
    memory: BTreeMap<String, u64>,
}

fn at(ms: f64) -> u64 {
    EPOCH + (ms * MS as f64).round() as u64
}

/// An attribute; a number is an int, as OTLP JSON has it: in quotes.
pub fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(flag) => json!({ "boolValue": flag }),
        Value::Array(texts) => {
            json!({ "arrayValue": { "values": texts.iter().map(|text| json!({ "stringValue": text })).collect::<Vec<_>>() } })
        }
        number => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

impl Spans {
    /// Spans with other ids than those before.
    pub fn starting_at(last: u64) -> Self {
        Self { last, ..Self::default() }
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        // Spread, so that ids look like ids.
        self.last.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
    }

    /// Adds an invocation.
    pub fn run(&mut self, run: Run) -> Made {
        let span = self.next();
        let mix = u128::from(span).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let hex = format!("{mix:032x}");
        let request =
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        let mut attributes = vec![
            attribute("faas.trigger", &json!(if run.source == "http" { "http" } else { "pubsub" })),
            attribute("faas.invocation_id", &json!(request)),
            attribute("faas.name", &json!(run.function)),
            attribute("hopguard.chain", &json!(format!("{:032x}", run.trace))),
            attribute("hopguard.hop", &json!(run.hop)),
            attribute("hopguard.visits", &json!(run.visits)),
        ];
        attributes.extend(run.more.iter().map(|(key, value)| attribute(key, value)));
        let value = json!({
            "traceId": format!("{:032x}", run.trace), "spanId": format!("{span:016x}"),
            "parentSpanId": run.sender.map_or_else(String::new, |sender| format!("{sender:016x}")),
            "name": format!("{} process", run.source), "kind": if run.source == "http" { 2 } else { 5 },
            "startTimeUnixNano": at(run.at).to_string(), "endTimeUnixNano": at(run.at + run.took).to_string(),
            "attributes": attributes,
        });
        self.by_function.entry((run.function.clone(), run.memory_mb)).or_default().push(value);
        self.memory.insert(run.function.clone(), run.memory_mb);
        Made { trace: run.trace, span, request, function: run.function }
    }

    /// Adds a call, from `from` to `to` milliseconds.
    pub fn call(&mut self, of: &Made, operation: &str, target: &str, from: f64, to: f64) -> Made {
        self.call_with(of, operation, target, from, to, &[], json!([]), json!([]))
    }

    /// Adds a call with more attributes, events and links.
    #[allow(clippy::too_many_arguments, reason = "a span has many parts")]
    pub fn call_with(
        &mut self,
        of: &Made,
        operation: &str,
        target: &str,
        from: f64,
        to: f64,
        more: &[(&str, Value)],
        events: Value,
        links: Value,
    ) -> Made {
        let (service, method) = operation.split_once('.').unwrap_or((operation, operation));
        let span = self.next();
        let mut attributes = vec![
            attribute("rpc.system", &json!("aws-api")),
            attribute("rpc.service", &json!(service)),
            attribute("rpc.method", &json!(method)),
            attribute("faas.invocation_id", &json!(of.request)),
        ];
        let key = match service {
            "SQS" | "SNS" => "messaging.destination.name",
            "S3" => "aws.s3.bucket",
            "DynamoDB" => "aws.dynamodb.table_names",
            "Lambda" => "faas.invoked_name",
            _ => "hopguard.target",
        };
        let target = if service == "DynamoDB" { json!([target]) } else { json!(target) };
        attributes.push(attribute(key, &target));
        attributes.extend(more.iter().map(|(key, value)| attribute(key, value)));
        let failed = more.iter().any(|(key, _)| *key == "error.type");
        let value = json!({
            "traceId": format!("{:032x}", of.trace), "spanId": format!("{span:016x}"), "parentSpanId": format!("{:016x}", of.span),
            "name": operation, "kind": 3, "startTimeUnixNano": at(from).to_string(), "endTimeUnixNano": at(to).to_string(),
            "attributes": attributes, "events": events, "links": links, "status": if failed { json!({ "code": 2 }) } else { json!({}) },
        });
        let memory = self.memory.get(&of.function).copied().unwrap_or(512);
        self.by_function.entry((of.function.clone(), memory)).or_default().push(value);
        Made { trace: of.trace, span, request: of.request.clone(), function: of.function.clone() }
    }

    /// An attempt's event.
    pub fn attempt(from: f64, took: f64, error: Option<&str>) -> Value {
        let mut attributes = vec![attribute("hopguard.attempt_ns", &json!((took * MS as f64) as u64))];
        attributes.extend(error.map(|error| attribute("error.type", &json!(error))));
        json!({ "name": "attempt", "timeUnixNano": at(from).to_string(), "attributes": attributes })
    }

    /// One request a line.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for ((function, memory_mb), spans) in &self.by_function {
            let resource = [
                attribute("service.name", &json!(function)),
                attribute("faas.name", &json!(function)),
                attribute("faas.max_memory", &json!(memory_mb << 20)),
            ];
            for spans in spans.chunks(64) {
                let request = json!({ "resourceSpans": [{ "resource": { "attributes": resource }, "scopeSpans": [{ "scope": { "name": "hopguard" }, "spans": spans }] }] });
                text.push_str(&request.to_string());
                text.push('\n');
            }
        }
        text
    }
}

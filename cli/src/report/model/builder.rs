use std::collections::HashMap;

use super::assembly::{self, Parts};
use super::{Attempt, Call, Invocation, Model, Name, Names};
use crate::report::input::Tally;
use crate::report::input::otlp::{Attributes, Request, Resource, Scalar, Span};

/// The most spans that are held. One takes some hundred bytes.
const MAX_SPANS: usize = 2_000_000;
/// The most attempts and dependences of one call, and links of one invocation.
const MAX_ATTEMPTS: usize = 16;
const MAX_LINKS: usize = 128;

/// A span's trace and its own id.
pub(super) type Key = (u128, u64);

/// Takes spans in any order, and puts them together at the end.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    names: Names,
    parts: Parts,
}

/// What a resource says of all its spans.
#[derive(Debug, Default)]
struct Origin {
    service: Option<Name>,
    function: Option<Name>,
    memory_mb: u32,
}

impl Builder {
    /// Takes one request, and counts its spans.
    pub(crate) fn add(&mut self, request: &Request<'_>, tally: &mut Tally) {
        for spans in request.resource_spans() {
            let origin = self.origin(spans.resource.as_ref());
            for span in spans.spans() {
                self.add_span(span, &origin, tally);
            }
        }
    }

    /// Puts together what was read.
    pub(crate) fn finish(self) -> Model {
        assembly::assemble(self.parts)
    }

    fn origin(&mut self, resource: Option<&Resource<'_>>) -> Origin {
        let mut origin = Origin::default();
        for (key, value) in resource.into_iter().flat_map(|resource| resource.attributes.iter()) {
            match key {
                "service.name" => origin.service = self.name(value),
                "faas.name" => origin.function = self.name(value),
                "faas.max_memory" => origin.memory_mb = memory_mb(value),
                _ => {}
            }
        }
        origin
    }

    fn add_span(&mut self, span: &Span<'_>, origin: &Origin, tally: &mut Tally) {
        let key = (span.trace_id.0, span.span_id.span());
        let Some((start_ns, end_ns)) = span.times().filter(|_| key.0 != 0 && key.1 != 0) else {
            tally.invalid_spans += 1;
            return;
        };
        if self.parts.parents.contains_key(&key) {
            tally.repeated_spans += 1;
            return;
        }
        if self.parts.parents.len() >= MAX_SPANS {
            tally.spans_beyond_limit += 1;
            return;
        }
        tally.spans += 1;
        self.parts.parents.insert(key, span.parent_span_id.span());
        let has = |key: &str| span.attributes.find(key).is_some();
        if has("faas.invocation_id") && has("faas.trigger") {
            let links = span.links().take(MAX_LINKS).map(|link| (link.trace_id.0, link.span_id.span()));
            self.parts.links.insert(self.parts.invocations.len(), links.collect());
            let mut invocation = self.invocation(span, origin);
            (invocation.trace, invocation.span) = key;
            (invocation.start_ns, invocation.end_ns) = (start_ns, end_ns);
            if invocation.chain == 0 {
                invocation.chain = key.0;
            }
            self.parts.invocations.push(invocation);
        } else if span.is_client() && has("rpc.service") && has("rpc.method") {
            let id = span.attributes.find("faas.invocation_id").and_then(|id| self.name(id));
            let depends_on = span.links().filter(|link| {
                let relation = link.attributes.find("hopguard.relation");
                relation.and_then(Scalar::text) == Some("depends_on")
            });
            let depends_on = depends_on.take(MAX_ATTEMPTS).map(|link| link.span_id.span()).collect();
            let mut call = self.call(span);
            (call.span, call.start_ns, call.end_ns) = (key.1, start_ns, end_ns);
            self.parts.calls.push(assembly::Found { trace: key.0, id, call, depends_on });
        }
    }

    fn invocation(&mut self, span: &Span<'_>, origin: &Origin) -> Invocation {
        let mut invocation = Invocation {
            source: self.names.intern(span.name.as_str().strip_suffix(" process").unwrap_or_default()),
            memory_mb: origin.memory_mb,
            ..Invocation::default()
        };
        let mut function = None;
        for (key, value) in span.attributes.iter() {
            match key {
                "faas.invocation_id" => invocation.id = self.name(value).unwrap_or_default(),
                "faas.name" => function = self.name(value),
                "faas.trigger" if invocation.source.is_empty() => {
                    invocation.source = self.name(value).unwrap_or_default();
                }
                "faas.max_memory" => invocation.memory_mb = memory_mb(value),
                "faas.coldstart" => invocation.cold = value.is_true(),
                "messaging.destination.name" | "aws.s3.bucket" => invocation.origin = self.name(value),
                "messaging.batch.message_count" => invocation.records = small(value),
                "hopguard.route" => invocation.route = self.name(value),
                "hopguard.chain" => invocation.chain = chain(value),
                "hopguard.hop" => invocation.hop = small(value),
                "hopguard.visits" => invocation.visits = small(value),
                // The crate counts records, the layer says whether.
                "hopguard.blocked" => invocation.blocked = value.is_true() || value.unsigned() > Some(0),
                "hopguard.init_ns" => invocation.init_ns = value.unsigned(),
                "hopguard.package_bytes" => invocation.package_bytes = value.unsigned(),
                "busy_ns" => invocation.busy_ns = value.unsigned(),
                "error.type" => invocation.error = self.name(value),
                _ => {}
            }
        }
        if invocation.error.is_none() && span.failed() {
            invocation.error = Some(self.names.intern("error"));
        }
        let unnamed = || origin.service.clone();
        let function = function.or_else(|| origin.function.clone()).or_else(unnamed);
        invocation.function = function.unwrap_or_else(|| self.names.intern("unnamed function"));
        invocation.service = origin.service.clone().filter(|service| *service != invocation.function);
        invocation
    }

    fn call(&mut self, span: &Span<'_>) -> Call {
        let mut call = Call::default();
        let mut mode = None;
        for (key, value) in span.attributes.iter() {
            match key {
                "rpc.service" => call.service = self.name(value).unwrap_or_default(),
                "rpc.method" => call.operation = self.name(value).unwrap_or_default(),
                "http.response.status_code" => {
                    call.status = value.unsigned().and_then(|status| status.try_into().ok());
                }
                "http.request.resend_count" => call.resends = small(value).unwrap_or_default(),
                "error.type" => call.error = self.name(value),
                "hopguard.invocation_type" => mode = value.text(),
                "messaging.destination.name"
                | "aws.s3.bucket"
                | "aws.dynamodb.table_names"
                | "aws.kinesis.stream_name"
                | "faas.invoked_name"
                | "hopguard.target" => call.target = self.name(value),
                _ => {}
            }
        }
        if call.error.is_none() && span.failed() {
            call.error = Some(self.names.intern("error"));
        }
        // Without a type, Lambda's API takes RequestResponse.
        call.sync_invoke = &*call.service == "Lambda"
            && &*call.operation == "Invoke"
            && mode.is_none_or(|mode| mode == "RequestResponse");
        call.attempts = attempts(span);
        call
    }

    fn name(&mut self, value: &Scalar<'_>) -> Option<Name> {
        value.text().map(|text| self.names.intern(text)).filter(|name| !name.is_empty())
    }
}

fn attempts(span: &Span<'_>) -> Vec<Attempt> {
    let of_attempt = span.events().filter(|event| event.name.as_str() == "attempt");
    let read = |attributes: &Attributes<'_>, start_ns: u64| Attempt {
        start_ns,
        end_ns: start_ns.saturating_add(
            attributes.find("hopguard.attempt_ns").and_then(Scalar::unsigned).unwrap_or_default(),
        ),
        failed: attributes.find("error.type").is_some(),
    };
    let attempts = of_attempt.filter_map(|event| Some(read(&event.attributes, event.time()?)));
    attempts.take(MAX_ATTEMPTS).collect()
}

fn memory_mb(value: &Scalar<'_>) -> u32 {
    value.unsigned().and_then(|bytes| u32::try_from(bytes >> 20).ok()).unwrap_or_default()
}

fn small(value: &Scalar<'_>) -> Option<u32> {
    value.unsigned().and_then(|number| u32::try_from(number).ok())
}

fn chain(value: &Scalar<'_>) -> u128 {
    value.text().and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or_default()
}

impl Parts {
    /// The places of the invocations by what their spans are.
    pub(super) fn places(&self) -> HashMap<Key, usize> {
        self.invocations.iter().enumerate().map(|(place, one)| ((one.trace, one.span), place)).collect()
    }
}

use std::collections::HashMap;

use aws_sdk_lambda::operation::invoke::InvokeInput;
use aws_sdk_lambda::operation::invoke_with_response_stream::InvokeWithResponseStreamInput;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_types::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopguard_core::event::field;
use hopguard_core::propagator::{Injected, Room, TraceState, inject as inject_slots};
use serde_json::{Map, Value};

use crate::scope::{Scope, Sending};

/// The longest client context, in bytes of base64.
const MAX_CLIENT_CONTEXT: usize = 3583;
/// The largest payload of an asynchronous invocation.
const MAX_ASYNC_PAYLOAD: usize = 1024 * 1024;
/// The limit until 2025, which some Regions may still have.
const MAX_ASYNC_PAYLOAD_BEFORE: usize = 256 * 1024;

pub(super) fn is_carrier(input: &Input) -> bool {
    input.downcast_ref::<InvokeInput>().is_some()
        || input.downcast_ref::<InvokeWithResponseStreamInput>().is_some()
}

pub(super) fn inject(input: &mut Input, scope: &Scope, mut count: impl FnMut(Injected)) {
    if let Some(invoke) = input.downcast_mut::<InvokeInput>() {
        match &invoke.invocation_type {
            // A dry run invokes nothing.
            Some(InvocationType::DryRun) => {}
            // Lambda drops the client context of asynchronous invocations.
            Some(InvocationType::Event) => count(write_payload(&mut invoke.payload, &scope.send())),
            _ => count(write_context(&mut invoke.client_context, &scope.send())),
        }
    } else if let Some(invoke) = input.downcast_mut::<InvokeWithResponseStreamInput>() {
        count(write_context(&mut invoke.client_context, &scope.send()));
    }
}

/// Writes the field `hopguard` into a payload that is a JSON object.
fn write_payload(payload: &mut Option<Blob>, sending: &Sending<'_>) -> Injected {
    // An absent payload is not an empty object to its receiver.
    let Some(bytes) = payload.as_ref().map(AsRef::as_ref) else { return Injected::Unsupported };
    let outbound = &sending.outbound;
    let state = TraceState::with(outbound.token.as_str(), TraceState::parse(outbound.others).others());
    let Some(written) = field::write(bytes, &outbound.parent.to_string(), &state) else {
        return Injected::Unsupported;
    };
    let limit =
        if bytes.len() <= MAX_ASYNC_PAYLOAD_BEFORE { MAX_ASYNC_PAYLOAD_BEFORE } else { MAX_ASYNC_PAYLOAD };
    let stale = field::remove(bytes);
    let (bytes, injected) = match stale {
        None if written.len() <= limit => (written, Injected::Written),
        Some(_) if written.len() <= limit => (written, Injected::Replaced),
        Some(without) => (without, Injected::NoRoom),
        None => return Injected::NoRoom,
    };
    *payload = Some(Blob::new(bytes));
    injected
}

/// Writes `traceparent` and `tracestate` into the `custom` object of a client context.
fn write_context(context: &mut Option<String>, sending: &Sending<'_>) -> Injected {
    let Some(mut fields) = read_context(context.as_deref()) else { return Injected::Unsupported };
    let custom = fields.entry("custom").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(custom) = custom else { return Injected::Unsupported };
    // Only texts are ours to read or replace, and other values stay as they are: some runtimes end a function on a `custom`
    // value that is no text, but the caller chose that.
    let mut texts: HashMap<String, String> =
        custom.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let before: Vec<String> = texts.keys().cloned().collect();
    let room = Room { slots: usize::MAX, bytes: MAX_CLIENT_CONTEXT, overhead: 6 };
    let injected = inject_slots(&mut texts, room, &sending.outbound);
    for name in before {
        if !texts.contains_key(&name) {
            custom.remove(&name);
        }
    }
    custom.extend(texts.into_iter().map(|(name, text)| (name, Value::String(text))));
    let encoded = STANDARD.encode(Value::Object(fields).to_string());
    if encoded.len() <= MAX_CLIENT_CONTEXT {
        *context = Some(encoded);
        return injected;
    }
    // The token alone may fit, without the W3C pair.
    match pack_context(context.as_deref(), sending) {
        Some(packed) => {
            *context = Some(packed);
            Injected::Packed
        }
        None => Injected::NoRoom,
    }
}

fn pack_context(context: Option<&str>, sending: &Sending<'_>) -> Option<String> {
    let mut fields = read_context(context)?;
    let custom = fields.entry("custom").or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
    custom.insert("hopguard".to_owned(), Value::String(sending.outbound.token.to_string()));
    let encoded = STANDARD.encode(Value::Object(fields).to_string());
    (encoded.len() <= MAX_CLIENT_CONTEXT).then_some(encoded)
}

/// A client context as a JSON object; an absent one is empty. `None` where it is anything else.
fn read_context(context: Option<&str>) -> Option<Map<String, Value>> {
    let Some(context) = context.filter(|context| !context.is_empty()) else { return Some(Map::new()) };
    let json = STANDARD.decode(context).ok()?;
    match serde_json::from_slice(&json).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

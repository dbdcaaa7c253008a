use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::operation::invoke::InvokeInput;
use aws_sdk_lambda::operation::invoke_with_response_stream::InvokeWithResponseStreamInput;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_types::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopguard_core::event::{Source, field};
use hopguard_core::propagator::{
    HOPGUARD, Injected, Room, TRACEPARENT, TRACESTATE, TraceState, inject as inject_slots,
};
use serde_json::value::{RawValue, to_raw_value};

use crate::scope::{Scope, Sending};

/// The longest client context, in bytes of JSON: 3,583 characters of base64, which come in fours.
const MAX_CLIENT_CONTEXT_JSON: usize = 3583 / 4 * 3;
/// The largest payload of an asynchronous invocation.
const MAX_ASYNC_PAYLOAD: usize = 1024 * 1024;
/// The limit until 2025, which some Regions may still have.
const MAX_ASYNC_PAYLOAD_BEFORE: usize = 256 * 1024;

pub(super) fn is_carrier(input: &Input) -> bool {
    input.downcast_ref::<InvokeInput>().is_some()
        || input.downcast_ref::<InvokeWithResponseStreamInput>().is_some()
}

pub(super) fn inject(input: &mut Input, scope: &Scope, mut count: impl FnMut(Injected)) {
    let sending = |function: &Option<String>| scope.send(Source::Invoke, function.as_deref());
    if let Some(invoke) = input.downcast_mut::<InvokeInput>() {
        match &invoke.invocation_type {
            // A dry run invokes nothing.
            Some(InvocationType::DryRun) => {}
            // Lambda drops the client context of asynchronous invocations.
            Some(InvocationType::Event) => {
                count(write_payload(&mut invoke.payload, &sending(&invoke.function_name)));
            }
            _ => count(write_context(&mut invoke.client_context, &sending(&invoke.function_name))),
        }
    } else if let Some(invoke) = input.downcast_mut::<InvokeWithResponseStreamInput>() {
        count(write_context(&mut invoke.client_context, &sending(&invoke.function_name)));
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

/// Members of a JSON object; their values stay as they were written, byte for byte.
type Fields = BTreeMap<String, Box<RawValue>>;

/// Writes `traceparent` and `tracestate` into the `custom` object of a client context.
fn write_context(context: &mut Option<String>, sending: &Sending<'_>) -> Injected {
    written_context(context, sending).unwrap_or(Injected::Unsupported)
}

/// `None` where it is no base64 of a JSON object, or `custom` in it is none, or what stands under our names is no text.
fn written_context(context: &mut Option<String>, sending: &Sending<'_>) -> Option<Injected> {
    let mut fields = match context.as_deref() {
        None | Some("") => Fields::new(),
        Some(context) => serde_json::from_slice(&STANDARD.decode(context).ok()?).ok()?,
    };
    let mut custom: Fields =
        fields.get("custom").map_or(Ok(Fields::new()), |custom| serde_json::from_str(custom.get())).ok()?;
    let mut texts = HashMap::new();
    for name in [TRACEPARENT, TRACESTATE, HOPGUARD] {
        if let Some(value) = custom.get(name) {
            texts.insert(name.to_owned(), serde_json::from_str::<String>(value.get()).ok()?);
        }
    }
    let before = texts.clone();
    fields.insert("custom".to_owned(), to_raw_value(&custom).ok()?);
    let bytes = MAX_CLIENT_CONTEXT_JSON.saturating_sub(serde_json::to_vec(&fields).ok()?.len());
    let room = Room { slots: usize::MAX, bytes, overhead: r#""":"","#.len() };
    let injected = inject_slots(&mut texts, room, &sending.outbound);
    if texts == before {
        return Some(injected);
    }
    for name in [TRACEPARENT, TRACESTATE, HOPGUARD] {
        match texts.get(name) {
            Some(text) => custom.insert(name.to_owned(), to_raw_value(text).ok()?),
            None => custom.remove(name),
        };
    }
    fields.insert("custom".to_owned(), to_raw_value(&custom).ok()?);
    let written = serde_json::to_vec(&fields).ok()?;
    // Only escapes in the sender's own `tracestate` can make it longer than there was room for.
    if written.len() > MAX_CLIENT_CONTEXT_JSON && injected != Injected::NoRoom {
        return Some(Injected::NoRoom);
    }
    *context = Some(STANDARD.encode(written));
    Some(injected)
}

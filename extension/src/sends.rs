//! What an injector asks before a call: the lineage of its messages.

use hopguard_core::event::Source;
use hopguard_core::propagator::TraceParent;
use hopguard_core::{Token, Toward};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::fault::panic_in;
use crate::guard::Guard;
use crate::invocations::{Invocation, Unknown};

/// Where injectors ask.
pub(crate) const PATH: &str = "/hopguard/v1/sends";
/// The most messages of one call; SQS, SNS and EventBridge take 10, Kinesis 500.
const MAX_SENDS: u32 = 1_000;

#[derive(Debug, Deserialize)]
struct Question {
    #[serde(default)]
    invocation: Option<String>,
    sends: u32,
    /// The service id of the call.
    #[serde(default)]
    service: Option<String>,
    /// The URL, ARN or name of what it sends to.
    #[serde(default)]
    target: Option<String>,
}

impl Question {
    /// Whether the call goes to what feeds the invocation. Of what names no target, nobody knows.
    fn toward(&self, invocation: &Invocation) -> Toward {
        let source = self.service.as_deref().map_or(Source::Other, Source::of_service);
        match (source, self.target.as_deref()) {
            // By which bus an event came, it does not say.
            (Source::EventBridge, target) => invocation.toward(source, target.unwrap_or_default()),
            (Source::Other, _) | (_, None) => Toward::Elsewhere,
            (source, Some(target)) => invocation.toward(source, target),
        }
    }
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    invocation: &'a str,
    trace: String,
    parent: String,
    flags: String,
    others: &'a str,
    tokens: Vec<String>,
    reusable: bool,
}

/// Answers one question: a status, and JSON.
pub(crate) fn answer(guard: &Guard, question: &[u8]) -> (StatusCode, String) {
    panic_in("sends");
    let question: Question = match serde_json::from_slice(question) {
        Ok(question) => question,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if !(1..=MAX_SENDS).contains(&question.sends) {
        return refused(StatusCode::BAD_REQUEST, "sends is to be from 1 to 1000");
    }
    let invocation = match guard.invocations.sender(question.invocation.as_deref()) {
        Ok(invocation) => invocation,
        // The injector counts such a send, with what else became of its call.
        Err(Unknown::None) => return refused(StatusCode::NOT_FOUND, "no such invocation is under way"),
        Err(Unknown::Several) => {
            return refused(StatusCode::CONFLICT, "several invocations are under way");
        }
    };
    let toward = question.toward(&invocation);
    let reusable = !invocation.is_split(toward);
    let sends = if reusable { 1 } else { question.sends };
    let keys = guard.settings.signing_keys.as_ref();
    let lineages = invocation.send(toward, sends, guard.fan_out());
    let TraceParent { trace, span, flags } = invocation.span;
    let answer = Answer {
        invocation: &invocation.id,
        trace: trace.to_string(),
        parent: format!("{span:016x}"),
        flags: format!("{flags:02x}"),
        others: &invocation.others,
        tokens: lineages.iter().map(|lineage| Token::new(lineage, keys).to_string()).collect(),
        reusable,
    };
    match serde_json::to_string(&answer) {
        Ok(json) => (StatusCode::OK, json),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn refused(status: StatusCode, why: &str) -> (StatusCode, String) {
    (status, serde_json::json!({ "error": why }).to_string())
}

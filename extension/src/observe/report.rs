//! What an injector reports, as docs/layer-protocol.md says.

use std::borrow::Cow;
use std::collections::HashMap;

use hopguard_core::Counter;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::told::Told;

/// The largest report; a datagram of more is cut by the socket, and so is no JSON.
pub(crate) const MAX_BYTES: usize = 8_192;
/// No call sends so many messages: a count beyond it is nonsense.
const MAX_OUTCOMES: u64 = 10_000;
/// Earlier calls that one call may name.
const MAX_AFTER: usize = 16;
/// Attempts of one call that are told apart.
const MAX_TRIES: usize = 16;
/// Names longer than this are cut.
const MAX_TEXT: usize = 256;

/// One report. What is not in it, or cannot be read, is absent.
#[derive(Debug, Default)]
pub(crate) struct Report<'r> {
    pub(crate) call: Option<Call<'r>>,
    pub(crate) outcomes: Vec<(Counter, u64)>,
    pub(crate) fault: Option<Fault<'r>>,
    /// A whole invocation, as the crate tells of it.
    pub(crate) invocation: Option<Told<'r>>,
    /// An invocation that has begun, as the crate tells of it.
    pub(crate) begun: Option<Told<'r>>,
    /// How many members could not be read.
    pub(crate) rejected: u64,
}

/// One call of an AWS SDK client.
#[derive(Debug, Deserialize)]
pub(crate) struct Call<'r> {
    #[serde(borrow, default)]
    pub(crate) invocation: Option<Cow<'r, str>>,
    #[serde(borrow, default)]
    trace: Option<Cow<'r, str>>,
    #[serde(borrow, default)]
    parent: Option<Cow<'r, str>>,
    #[serde(borrow, default)]
    span: Option<Cow<'r, str>>,
    #[serde(borrow)]
    service: Cow<'r, str>,
    #[serde(borrow)]
    operation: Cow<'r, str>,
    pub(crate) start_ns: Nanos,
    pub(crate) end_ns: Nanos,
    #[serde(default)]
    pub(crate) attempts: Option<u32>,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(borrow, default)]
    error: Option<Cow<'r, str>>,
    #[serde(borrow, default)]
    target: Option<Cow<'r, str>>,
    /// Lambda's invocation type.
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'r, str>>,
    /// The spans of earlier calls whose output its input shows.
    #[serde(borrow, default)]
    after: Vec<Cow<'r, str>>,
    #[serde(borrow, default)]
    tries: Vec<Try<'r>>,
    /// A tracing SDK in the function makes its span.
    #[serde(default)]
    pub(crate) traced: bool,
}

/// One attempt of a call.
#[derive(Debug, Deserialize)]
pub(crate) struct Try<'r> {
    pub(crate) start_ns: Nanos,
    pub(crate) end_ns: Nanos,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(borrow, default)]
    error: Option<Cow<'r, str>>,
}

/// An error inside an injector.
#[derive(Debug, Deserialize)]
pub(crate) struct Fault<'r> {
    #[serde(borrow)]
    injector: Cow<'r, str>,
    #[serde(borrow, rename = "where")]
    place: Cow<'r, str>,
    #[serde(borrow, default)]
    error: Cow<'r, str>,
}

/// Nanoseconds since 1970, as text or as a number.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Nanos {
    Number(u64),
    Text(#[serde(deserialize_with = "digits")] u64),
}

#[derive(Debug, Deserialize)]
struct Members<'r> {
    #[serde(borrow, default)]
    call: Option<&'r RawValue>,
    #[serde(borrow, default)]
    outcomes: Option<&'r RawValue>,
    #[serde(borrow, default)]
    fault: Option<&'r RawValue>,
    #[serde(borrow, default)]
    invocation: Option<&'r RawValue>,
    #[serde(borrow, default)]
    begun: Option<&'r RawValue>,
    #[serde(borrow, default)]
    counts: Option<&'r RawValue>,
}

impl<'r> Report<'r> {
    /// Reads one datagram. A member that is wrong takes none of the others along.
    pub(crate) fn read(datagram: &'r [u8]) -> Self {
        let mut report = Self::default();
        let members: Members<'r> = match serde_json::from_slice(datagram) {
            // An array would do for serde.
            Ok(members) if datagram.len() <= MAX_BYTES && datagram.trim_ascii_start().starts_with(b"{") => {
                members
            }
            _ => return Self { rejected: 1, ..Self::default() },
        };
        report.call = report.member(members.call);
        report.fault = report.member(members.fault);
        report.invocation = report.member(members.invocation);
        report.begun = report.member(members.begun);
        let counts: HashMap<Cow<'r, str>, u64> = report.member(members.counts).unwrap_or_default();
        for (name, count) in counts {
            match counted(&name).filter(|_| count <= MAX_OUTCOMES) {
                Some(counter) => report.outcomes.push((counter, count)),
                None => report.rejected += 1,
            }
        }
        let outcomes: HashMap<Cow<'r, str>, u64> = report.member(members.outcomes).unwrap_or_default();
        for (outcome, count) in outcomes {
            match counter(&outcome).filter(|_| count <= MAX_OUTCOMES) {
                Some(counter) => report.outcomes.push((counter, count)),
                None => report.rejected += 1,
            }
        }
        report
    }

    fn member<T: Deserialize<'r>>(&mut self, json: Option<&'r RawValue>) -> Option<T> {
        let read = serde_json::from_str(json?.get());
        self.rejected += u64::from(read.is_err());
        read.ok()
    }
}

impl<'r> Call<'r> {
    /// The trace and the parent's span, where it knows both.
    pub(crate) fn parent(&self) -> Option<(u128, u64)> {
        let parent = hex(self.parent.as_deref()?, 16)?;
        Some((hex(self.trace.as_deref()?, 32)?, u64::try_from(parent).ok()?))
    }

    /// Its own span.
    pub(crate) fn span(&self) -> Option<u64> {
        hex(self.span.as_deref()?, 16).and_then(|span| u64::try_from(span).ok())
    }

    /// The spans of earlier calls that it depends on.
    pub(crate) fn after(&self) -> impl Iterator<Item = u64> {
        let span = |text: &Cow<'r, str>| hex(text, 16).and_then(|span| u64::try_from(span).ok());
        self.after.iter().filter_map(span).take(MAX_AFTER)
    }

    /// Its attempts, the first ones.
    pub(crate) fn tries(&self) -> impl Iterator<Item = &Try<'r>> {
        self.tries.iter().take(MAX_TRIES)
    }

    /// How often it was sent again; `None` where it never was.
    pub(crate) fn resends(&self) -> Option<u32> {
        self.attempts.and_then(|attempts| attempts.checked_sub(1)).filter(|resent| *resent > 0)
    }

    /// Lambda's invocation type, where this is an Invoke.
    pub(crate) fn invocation_type(&self) -> Option<&str> {
        let invokes = self.service == "Lambda" && self.operation.starts_with("Invoke");
        self.kind.as_deref().map(cut).filter(|_| invokes)
    }

    /// Whether another function ran and was waited for.
    pub(crate) fn is_sync_invoke(&self) -> bool {
        let invokes = matches!(&*self.operation, "Invoke" | "InvokeWithResponseStream");
        self.service == "Lambda"
            && invokes
            && self.invocation_type().is_none_or(|kind| kind == "RequestResponse")
    }

    pub(crate) fn service(&self) -> &str {
        cut(&self.service)
    }

    pub(crate) fn operation(&self) -> &str {
        cut(&self.operation)
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref().map(cut)
    }

    pub(crate) fn target(&self) -> Option<&str> {
        self.target.as_deref().map(cut).filter(|target| !target.is_empty())
    }
}

impl Try<'_> {
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref().map(cut)
    }
}

impl Fault<'_> {
    pub(crate) fn injector(&self) -> &str {
        cut(&self.injector)
    }

    pub(crate) fn place(&self) -> &str {
        cut(&self.place)
    }

    pub(crate) fn error(&self) -> &str {
        cut(&self.error)
    }
}

impl Nanos {
    pub(crate) const fn get(self) -> u64 {
        match self {
            Self::Number(nanos) | Self::Text(nanos) => nanos,
        }
    }
}

fn digits<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn counter(outcome: &str) -> Option<Counter> {
    Some(match outcome {
        "written" => Counter::Written,
        "replaced" => Counter::Replaced,
        "packed" => Counter::Packed,
        "no_room" => Counter::NoRoom,
        "unsupported" => Counter::Unsupported,
        "no_scope" => Counter::NoScope,
        _ => return None,
    })
}

/// A counter of a guard by its flat name; those of the layer are its own to count.
fn counted(name: &str) -> Option<Counter> {
    const GUARDS: [&str; 5] =
        ["hopguard.records", "hopguard.blocked", "hopguard.lineage", "hopguard.trips", "hopguard.lookups"];
    let counter = Counter::ALL.into_iter().find(|counter| counter.flat_name() == name)?;
    GUARDS.iter().any(|guard| name.starts_with(guard)).then_some(counter)
}

/// An id of exactly so many hex digits that is not zero.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|id| plain && *id != 0)
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = r#"{"invocation":"8476a536","trace":"5759e988bd862e3fe1be46a994272793","parent":"53995c3f42cd8ad8",
        "span":"00f067aa0ba902b7","service":"SQS","operation":"SendMessage","start_ns":"1795474347592000000",
        "end_ns":1795474347599000000,"attempts":2,"status":400,"error":"QueueDoesNotExist","target":"orders","new":[1]}"#;

    #[test]
    fn a_whole_report_is_read() {
        let json = format!(
            r#"{{"call":{CALL},"outcomes":{{"written":3,"no_room":1}},"fault":{{"injector":"python","where":"SQS.SendMessage","error":"TypeError: \"x\""}}}}"#
        );
        let report = Report::read(json.as_bytes());
        let call = report.call.unwrap();
        assert_eq!(call.parent(), Some((0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793, 0x5399_5c3f_42cd_8ad8)));
        assert_eq!(
            (call.span(), call.service(), call.operation()),
            (Some(0xf0_67aa_0ba9_02b7), "SQS", "SendMessage")
        );
        assert_eq!(
            (call.start_ns.get(), call.end_ns.get()),
            (1_795_474_347_592_000_000, 1_795_474_347_599_000_000)
        );
        assert_eq!(
            (call.attempts, call.status, call.error(), call.target()),
            (Some(2), Some(400), Some("QueueDoesNotExist"), Some("orders"))
        );
        assert_eq!(report.fault.unwrap().error(), "TypeError: \"x\"");
        let outcomes: HashMap<_, _> = report.outcomes.into_iter().collect();
        assert_eq!(outcomes, HashMap::from([(Counter::Written, 3), (Counter::NoRoom, 1)]));
        assert_eq!(report.rejected, 0);
    }

    #[test]
    fn attempts_and_dependences_are_bounded_and_what_is_no_id_is_left_out() {
        let one = r#"{"start_ns":"1","end_ns":2,"status":503,"error":"SlowDown"}"#;
        let tries = vec![one; 40].join(",");
        let after = vec![r#""00f067aa0ba902b7","zz","0000000000000000""#; 40].join(",");
        let json = format!(
            r#"{{"call":{{"service":"Lambda","operation":"Invoke","start_ns":1,"end_ns":2,"type":"Event","after":[{after}],"tries":[{tries}]}}}}"#
        );
        let call = Report::read(json.as_bytes()).call.unwrap();
        assert_eq!((call.after().count(), call.tries().count()), (MAX_AFTER, MAX_TRIES));
        assert!(call.after().all(|span| span == 0xf0_67aa_0ba9_02b7));
        let one = call.tries().next().unwrap();
        assert_eq!((one.status, one.error(), one.end_ns.get()), (Some(503), Some("SlowDown"), 2));
        assert_eq!((call.invocation_type(), call.is_sync_invoke()), (Some("Event"), false));
        for (service, operation, kind, expected) in [
            ("Lambda", "Invoke", "", true),
            ("Lambda", "InvokeWithResponseStream", r#","type":"RequestResponse""#, true),
            ("Lambda", "Invoke", r#","type":"DryRun""#, false),
            ("Lambda", "ListFunctions", "", false),
            ("SFN", "Invoke", "", false),
        ] {
            let json = format!(
                r#"{{"call":{{"service":"{service}","operation":"{operation}","start_ns":1,"end_ns":2{kind}}}}}"#
            );
            let call = Report::read(json.as_bytes()).call.unwrap();
            assert_eq!(call.is_sync_invoke(), expected, "{service} {operation} {kind}");
        }
    }

    #[test]
    fn what_is_wrong_is_counted_and_takes_nothing_else_along() {
        let large = format!(r#"{{"outcomes":{{"written":1}},"pad":"{}"}}"#, "x".repeat(MAX_BYTES));
        let cases: [(&str, usize, u64); 11] = [
            ("", 0, 1),
            ("[]", 0, 1),
            ("{", 0, 1),
            ("\u{0}\u{1}", 0, 1),
            ("{}", 0, 0),
            (r#"{"new":{}}"#, 0, 0),
            (r#"{"call":{"service":"SQS"},"outcomes":{"written":1}}"#, 1, 1),
            (r#"{"call":null,"outcomes":{"written":-1}}"#, 0, 1),
            (r#"{"outcomes":{"written":1,"lost":1,"packed":99999999}}"#, 1, 2),
            (r#"{"fault":"x","outcomes":{"packed":2}}"#, 1, 1),
            (&large, 0, 1),
        ];
        for (json, outcomes, rejected) in cases {
            let report = Report::read(json.as_bytes());
            assert!(report.call.is_none() && report.fault.is_none());
            assert_eq!((report.outcomes.len(), report.rejected), (outcomes, rejected), "{json}");
        }
    }

    #[test]
    fn ids_are_exact_or_absent_and_texts_are_cut_between_characters() {
        for (text, digits, expected) in [
            ("0f", 2, Some(15)),
            ("0F", 2, Some(15)),
            ("00", 2, None),
            ("+f", 2, None),
            ("f", 2, None),
            ("0fé", 4, None),
        ] {
            assert_eq!(hex(text, digits), expected, "{text}");
        }
        assert_eq!(cut(&"ü".repeat(200)).len(), MAX_TEXT);
        assert_eq!(cut("short"), "short");
    }
}

//! The part of OTLP JSON that a report needs, read leniently: names in camel or snake case, integers as numbers or text, lists
//! that are `null`.

use serde::Deserialize;
use serde::de::IgnoredAny;

pub(crate) use super::value::{Attributes, Scalar};
use super::value::{Hex, Text};

/// A line: an `ExportTraceServiceRequest`, or one of metrics or logs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request<'a> {
    #[serde(borrow, default, alias = "resource_spans")]
    resource_spans: Option<Vec<ResourceSpans<'a>>>,
    #[serde(default, alias = "resource_metrics")]
    resource_metrics: Option<IgnoredAny>,
    #[serde(default, alias = "resource_logs")]
    resource_logs: Option<IgnoredAny>,
}

impl<'a> Request<'a> {
    pub(super) fn has_spans(&self) -> bool {
        self.resource_spans.is_some()
    }

    pub(super) fn has_other_signals(&self) -> bool {
        self.resource_metrics.is_some() || self.resource_logs.is_some()
    }

    pub(crate) fn resource_spans(&self) -> impl Iterator<Item = &ResourceSpans<'a>> {
        self.resource_spans.iter().flatten()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceSpans<'a> {
    #[serde(borrow, default)]
    pub(crate) resource: Option<Resource<'a>>,
    #[serde(borrow, default, alias = "scope_spans")]
    scope_spans: Option<Vec<ScopeSpans<'a>>>,
}

impl<'a> ResourceSpans<'a> {
    pub(crate) fn spans(&self) -> impl Iterator<Item = &Span<'a>> {
        self.scope_spans.iter().flatten().flat_map(|scope| scope.spans.iter().flatten())
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resource<'a> {
    #[serde(borrow, default)]
    pub(crate) attributes: Attributes<'a>,
}

#[derive(Debug, Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, default)]
    spans: Option<Vec<Span<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Span<'a> {
    #[serde(default, alias = "trace_id")]
    pub(crate) trace_id: Hex,
    #[serde(default, alias = "span_id")]
    pub(crate) span_id: Hex,
    #[serde(default, alias = "parent_span_id")]
    pub(crate) parent_span_id: Hex,
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    #[serde(borrow, default)]
    kind: Scalar<'a>,
    #[serde(borrow, default, alias = "start_time_unix_nano")]
    start_time_unix_nano: Scalar<'a>,
    #[serde(borrow, default, alias = "end_time_unix_nano")]
    end_time_unix_nano: Scalar<'a>,
    #[serde(borrow, default)]
    pub(crate) attributes: Attributes<'a>,
    #[serde(borrow, default)]
    events: Option<Vec<Event<'a>>>,
    #[serde(borrow, default)]
    links: Option<Vec<Link<'a>>>,
    #[serde(borrow, default)]
    status: Option<Status<'a>>,
}

impl<'a> Span<'a> {
    /// Start and end, where both are known.
    pub(crate) fn times(&self) -> Option<(u64, u64)> {
        let start = self.start_time_unix_nano.unsigned().filter(|start| *start > 0)?;
        Some((start, self.end_time_unix_nano.unsigned()?.max(start)))
    }

    pub(crate) fn is_client(&self) -> bool {
        self.kind.unsigned() == Some(3) || self.kind.text() == Some("SPAN_KIND_CLIENT")
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event<'a>> {
        self.events.iter().flatten()
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = &Link<'a>> {
        self.links.iter().flatten()
    }

    pub(crate) fn failed(&self) -> bool {
        let code = self.status.as_ref().map(|status| &status.code);
        code.is_some_and(|code| code.unsigned() == Some(2) || code.text() == Some("STATUS_CODE_ERROR"))
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Status<'a> {
    #[serde(borrow, default)]
    code: Scalar<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    #[serde(borrow, default, alias = "time_unix_nano")]
    time_unix_nano: Scalar<'a>,
    #[serde(borrow, default)]
    pub(crate) attributes: Attributes<'a>,
}

impl Event<'_> {
    pub(crate) fn time(&self) -> Option<u64> {
        self.time_unix_nano.unsigned()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link<'a> {
    #[serde(default, alias = "trace_id")]
    pub(crate) trace_id: Hex,
    #[serde(default, alias = "span_id")]
    pub(crate) span_id: Hex,
    #[serde(borrow, default)]
    pub(crate) attributes: Attributes<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_exporters_write() {
        let text = r#"{"traceId":"0AF7651916CD43DD8448EB211C80319C","span_id":"b7ad6b7169203331","parentSpanId":"","name":"a\"b",
            "kind":"SPAN_KIND_CLIENT","startTimeUnixNano":"10","endTimeUnixNano":9,"status":{"code":2},"links":null,
            "attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"m","value":{"intValue":8}},{"key":"b","value":{"boolValue":true}},
            {"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x"},{"intValue":1}]}}},{"key":"k","value":{"kvlistValue":{}}},
            {"key":"none","value":null},{"key":"d","value":{"doubleValue":1.5}}]}"#;
        let span: Span<'_> = serde_json::from_str(text).unwrap();
        assert_eq!((span.span_id.span(), span.parent_span_id.span()), (0xb7ad_6b71_6920_3331, 0));
        assert_eq!(span.trace_id.0, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!((span.name.as_str(), span.times()), ("a\"b", Some((10, 10))), "a clock that was set back");
        assert!(span.is_client() && span.failed() && span.links().next().is_none());
        let said = |key: &str| span.attributes.find(key).unwrap();
        assert_eq!((said("n").unsigned(), said("m").unsigned()), (Some(7), Some(8)));
        assert!(said("b").is_true());
        assert_eq!((said("l").text(), said("k"), said("none")), (Some("x"), &Scalar::None, &Scalar::None));
        assert_eq!(said("d"), &Scalar::Double(1.5));
    }
}

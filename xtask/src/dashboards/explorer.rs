//! From a trip to its trace: a dashboard on Tempo, which has no figures, and spans instead.

use serde_json::{Value, json};

use super::grafana::{PROJECT, links};

/// One search, as TraceQL has it.
struct Search {
    title: &'static str,
    description: &'static str,
    query: &'static str,
}

const SEARCHES: [Search; 4] = [
    Search {
        title: "Chains that were cut",
        description: "Traces with an invocation that blocked a record. Click one: its last spans are where the loop was cut, and each span names its hop and visits.",
        query: r#"{ span.hopguard.blocked = true && resource.faas.name =~ "$function" } | select(span.hopguard.chain, span.hopguard.hop, span.hopguard.visits)"#,
    },
    Search {
        title: "Functions on their own path",
        description: "Traces in which a function stood on its own path twice or more, cut or not. Meant, or the next trip: look at what it writes to.",
        query: r#"{ span.hopguard.visits > 1 && resource.faas.name =~ "$function" } | select(span.hopguard.chain, span.hopguard.hop, span.hopguard.visits)"#,
    },
    Search {
        title: "Invocations that waited longest",
        description: "Invocations that were idle with a call in flight for more than a second. Click one to see the calls below each other.",
        query: r#"{ span.hopguard.wait_ns > 1000000000 && resource.faas.name =~ "$function" } | select(span.hopguard.wait_ns, span.hopguard.saving_ns)"#,
    },
    Search {
        title: "Functions that called functions",
        description: "Invocations that waited for another function for more than 100 ms: both were paid meanwhile.",
        query: r#"{ span.hopguard.sync_invoke_ns > 100000000 && resource.faas.name =~ "$function" } | select(span.hopguard.sync_invoke_ns)"#,
    },
];

pub(crate) fn dashboard() -> Value {
    let data = json!({ "type": "tempo", "uid": "${datasource}" });
    let target = |query: &str, spans: bool| {
        json!({ "refId": "A", "datasource": data, "queryType": "traceql", "query": query, "limit": 20, "filters": [],
            "tableType": if spans { "spans" } else { "traces" } })
    };
    let place = |x: u32, y: u32, w: u32, h: u32| json!({ "x": x, "y": y, "w": w, "h": h });
    let mut panels = vec![
        json!({ "id": 1, "type": "text", "title": "How to get here", "gridPos": place(0, 0, 24, 5), "options": { "mode": "markdown", "content": format!(
            "A chain's id **is** the id of its trace. Every log line about a block or a trip has it as `chain`, and so has the tag `hopguard:chain` of a function at 0 (`aws lambda list-tags --resource FUNCTION_ARN`). Put it into the field *Chain* above, and read the trace from its end: the span with `hopguard.blocked` is where the loop was cut, and the call span before it shows what was sent, and to where. What to do then: [A function is at 0]({PROJECT}/runbook.md#a-function-is-at-0).") } }),
        json!({ "id": 2, "type": "traces", "title": "The chain", "gridPos": place(0, 5, 24, 16), "datasource": data,
            "description": "The trace with the id in the field Chain: all invocations that descend from one event, and their calls. Empty without an id, and where the root was not sampled.",
            "targets": [target("$chain", false)], "options": {} }),
    ];
    for (search, nth) in SEARCHES.iter().zip(0_u32..) {
        let link = json!({ "title": "Show this chain", "targetBlank": false,
            "url": "/d/hopguard-chains?var-chain=${__data.fields.traceID}&${__url_time_range}&${datasource:queryparam}&${function:queryparam}" });
        panels.push(json!({ "id": 3 + nth, "type": "table", "title": search.title, "description": search.description,
            "gridPos": place(12 * (nth % 2), 21 + 9 * (nth / 2), 12, 9), "datasource": data, "targets": [target(search.query, false)],
            "options": { "showHeader": true, "cellHeight": "sm", "frameIndex": 0 },
            "fieldConfig": { "defaults": {}, "overrides": [{ "matcher": { "id": "byName", "options": "traceID" },
                "properties": [{ "id": "links", "value": [link] }] }] } }));
    }
    json!({
        "uid": "hopguard-chains",
        "title": "hopguard chain explorer",
        "description": "From a trip or a block to the trace of its chain.",
        "tags": ["hopguard"],
        "editable": true,
        "graphTooltip": 0,
        "schemaVersion": 42,
        "time": { "from": "now-6h", "to": "now" },
        "timezone": "browser",
        "annotations": { "list": [] },
        "templating": { "list": [
            { "name": "datasource", "label": "Data source", "type": "datasource", "query": "tempo", "refresh": 1, "current": { "text": "", "value": "" }, "options": [], "hide": 0, "includeAll": false, "multi": false },
            { "name": "chain", "label": "Chain", "type": "textbox", "query": "", "current": { "text": "", "value": "" }, "options": [], "hide": 0 },
            { "name": "function", "label": "Function (regular expression)", "type": "textbox", "query": ".*", "current": { "text": ".*", "value": ".*" }, "options": [], "hide": 0 },
        ] },
        "links": links(),
        "panels": panels,
    })
}

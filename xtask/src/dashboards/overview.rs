//! What happens in an account, at a glance.

use hopguard_core::{Counter, Measure};

use super::panel::{By, Kind, Of, Page, Panel, Row, Unit};

pub(crate) fn page() -> Page {
    Page {
        uid: "hopguard-overview",
        title: "hopguard overview",
        description: "Loops that were cut, functions that stand at 0, and what waiting costs.",
        rows: vec![loops(), chains(), waiting(), lineage(), own()],
        of_one: false,
    }
}

fn loops() -> Row {
    Row {
        title: "Loops",
        panels: vec![
            Panel::number(Unit::Count, "Trips", "Functions that hopguard has set to reserved concurrency 0, because a record went beyond a limit. From 1 on: open the runbook, \"A function is at 0\".")
                .series("trips", Of::events(Counter::Tripped)).limits(1.0, 1.0),
            Panel::number(Unit::Count, "Trips that failed", "Attempts to set a function to 0 that failed: the blocked records are kept from it all the same, but it still runs. From 1 on: look for \"trip failed\" in its log; most often the role lacks a permission.")
                .series("failed", Of::events(Counter::TripFailed)).limits(1.0, 1.0),
            Panel::number(Unit::Count, "Functions at 0", "Functions that were tripped in this time and have not run for 5 minutes. Only what was exported is seen: a function that was set to 0 by hand is not counted, and one that was resumed and has nothing to do is. Ask Lambda to be sure: aws lambda get-function-concurrency.")
                .series("at 0", Of::AtZero).limits(1.0, 1.0),
            Panel::number(Unit::Count, "Throttled invocations", "What Lambda has turned away, by AWS's own count: at concurrency 0, everything. With trips beside it, a function is at 0; without, the account or the function lacks concurrency.")
                .series("throttled", Of::Throttles).limits(1.0, 100.0),
            Panel::number(Unit::Count, "Blocked records", "Records kept from their handler. They are in the quarantine queue, or went back to their source. From 1 on: see which function, then follow its chain to the trace.")
                .series("blocked", Of::events(Counter::Blocked)).limits(1.0, 100.0),
            Panel::number(Unit::Count, "Findings", "Windows of 1,000 invocations in which an anti-pattern was seen. Not urgent: read docs/findings.md for what to do instead.")
                .series("findings", Of::findings()).limits(1.0, 100.0),
            Panel::number(Unit::Share, "Wait share", "The part of the time that functions ran in which they were idle with a call in flight. Above 30 % look at the functions below; above 60 % most of what is paid is waiting.")
                .series("wait share", Of::Share(Measure::Wait, Measure::InvokeDuration)).limits(0.3, 0.6),
            Panel::number(Unit::Dollars, "Waiting costs", "What the wait was paid with, in US dollars at the list price or yours (HOPGUARD_USD_PER_GB_SECOND).")
                .series("USD", Of::Sum(Measure::WaitCost)).limits(1.0, 10.0),
            Panel::new(Kind::Bars, Unit::Count, "Records by verdict", "Records with a lineage. Blocked ones mean that a loop was cut; warned ones that a function is near a limit, or beyond one in mode observe.")
                .counters(&[("allowed", Counter::Allowed), ("warned", Counter::Warned), ("blocked", Counter::Blocked)]),
            Panel::new(Kind::Bars, Unit::Count, "What became of blocked records", "Quarantined ones can be replayed. Failed ones came back to their source, and will be blocked again until they move to its dead-letter queue. Dropped ones are gone, as HOPGUARD_ON_BLOCK=drop wants it.")
                .counters(&[("quarantined", Counter::Quarantined), ("failed", Counter::Failed), ("dropped", Counter::Dropped)]),
            Panel::new(Kind::Ranking, Unit::Count, "Blocks by function", "Where loops were cut. Click a name for its page.")
                .by(By::Function, Of::events(Counter::Blocked)).limits(1.0, 100.0),
            Panel::new(Kind::Ranking, Unit::Count, "Trips by function", "Which functions were set to 0. More than one trip of a function: it was resumed, or deployed, while the loop still circled.")
                .by(By::Function, Of::events(Counter::Tripped)).limits(1.0, 2.0),
        ],
    }
}

fn chains() -> Row {
    Row {
        title: "Chains",
        panels: vec![
            Panel::number(Unit::Count, "Chains begun", "Invocations at hop 0. Beside a loop it tells whether one event circles or many.")
                .series("chains", Of::events(Counter::Chains)),
            Panel::number(Unit::Count, "Longest path", "The most hops from a root event; in Prometheus the upper bound of its bucket. The default limit is 100 (HOPGUARD_MAX_HOPS).")
                .series("hops", Of::Greatest(Measure::Hop)).limits(20.0, 100.0),
            Panel::number(Unit::Count, "Most visits", "How often one function stood on a path; in Prometheus the upper bound of its bucket. From 2 on it is in a loop; at 10 (HOPGUARD_MAX_VISITS) it is cut.")
                .series("visits", Of::Greatest(Measure::Visits)).limits(2.0, 10.0),
            Panel::new(Kind::Lines, Unit::Count, "Hops", "How far invocations are from their root events. A line that rises and never falls is a loop under way.")
                .series("mean", Of::Mean(Measure::Hop)).series("high", Of::High(Measure::Hop)),
            Panel::new(Kind::Lines, Unit::Count, "Visits by function", "How often the function stood on its path, on average. Above 1 it feeds itself: on purpose within its limit, or not.")
                .by(By::Function, Of::Mean(Measure::Visits)),
            Panel::new(Kind::Bars, Unit::Count, "Invocations", "By the platform's count where it tells, else by the proxy's. Many more than the chains begun: they fan out, or circle.")
                .counters(&[("invocations", Counter::Invocations), ("errors", Counter::Errors), ("timeouts", Counter::Timeouts), ("cold starts", Counter::ColdStarts)]),
            Panel::new(Kind::Bars, Unit::Count, "Stopped by AWS", "Invocations that AWS's own loop detection has stopped (RecursiveInvocationsDropped), after about 16 visits. hopguard cuts earlier: what is seen here ran through a function without it, or with a higher limit.")
                .series("dropped by AWS", Of::RecursiveInvocationsDropped),
        ],
    }
}

fn waiting() -> Row {
    Row {
        title: "Waiting",
        panels: vec![
            Panel::new(Kind::Ranking, Unit::Dollars, "Cost of waiting by function", "What each function paid for waiting. Click a name, and begin with the dearest.")
                .by(By::Function, Of::Sum(Measure::WaitCost)).limits(0.1, 1.0),
            Panel::new(Kind::Lines, Unit::Share, "Wait share by function", "The part of the time that a function ran in which it waited. Above 60 %: see its calls by operation.")
                .by(By::Function, Of::Share(Measure::Wait, Measure::InvokeDuration)).limits(0.3, 0.6),
            Panel::new(Kind::Bars, Unit::Count, "Findings by kind", "Windows with an anti-pattern. recursion: check its trigger. sync-invoke and orchestrator: a queue, an event or Step Functions between. serial-wait: start the calls together. monolith: split it.")
                .counters(&[
                    ("recursion", Counter::FoundRecursion),
                    ("sync-invoke", Counter::FoundSyncInvoke),
                    ("serial-wait", Counter::FoundSerialWait),
                    ("orchestrator", Counter::FoundOrchestrator),
                    ("monolith", Counter::FoundMonolith),
                ]),
        ],
    }
}

fn lineage() -> Row {
    Row {
        title: "Lineage",
        panels: vec![
            Panel::new(Kind::Bars, Unit::Count, "Sends with lineage", "How it was written. Replaced: a stale token was overwritten. Packed: only one attribute was free.")
                .counters(&[("written", Counter::Written), ("replaced", Counter::Replaced), ("packed", Counter::Packed)]),
            Panel::new(Kind::Bars, Unit::Count, "Lineage that did not get through", "Each is a gap through which a loop passes unseen. lost: the role may lack s3:GetObject. uncounted: the chain ledger did not answer. no room: the message has ten attributes. unsupported: see docs/carriers.md. no scope: a send outside of a handler. rejected: the key differs, or somebody forges tokens.")
                .counters(&[
                    ("lost", Counter::Lost),
                    ("uncounted", Counter::Uncounted),
                    ("no room", Counter::NoRoom),
                    ("unsupported", Counter::Unsupported),
                    ("no scope", Counter::NoScope),
                    ("rejected", Counter::Rejected),
                ]),
            Panel::new(Kind::Bars, Unit::Count, "Lookups of objects", "Where the lineage of an S3 object came from: the writes of this environment, or a HeadObject call, which S3 bills.")
                .counters(&[("index", Counter::IndexHits), ("HeadObject", Counter::Lookups)]),
        ],
    }
}

fn own() -> Row {
    Row {
        title: "hopguard itself",
        panels: vec![
            Panel::new(Kind::Bars, Unit::Count, "Telemetry lost", "Items that were dropped or not readable. What is lost is missing on this page. Look at the collector first, then at what the function sends to the layer.")
                .counters(&[
                    ("dropped spans", Counter::DroppedSpans),
                    ("dropped points", Counter::DroppedPoints),
                    ("dropped logs", Counter::DroppedLogs),
                    ("unread reports", Counter::RejectedReports),
                    ("unread OTLP", Counter::RejectedRequests),
                    ("unread platform events", Counter::RejectedEvents),
                ]),
            Panel::new(Kind::Bars, Unit::Count, "Exports in trouble", "Retries cost nothing but time. Failures and refusals: the collector or CloudWatch does not take what it gets; the layer's log says why.")
                .counters(&[
                    ("retries", Counter::ExportRetries),
                    ("failures", Counter::ExportFailures),
                    ("refused items", Counter::RefusedByCollector),
                ]),
            Panel::new(Kind::Bars, Unit::Count, "Faults inside the layer", "Errors that an injector has swallowed, and parts that were started again after a panic. Invocations ran all the same. Report them, with the log.")
                .counters(&[("injector faults", Counter::InjectorFaults), ("restarts", Counter::PartRestarts)]),
            Panel::new(Kind::Lines, Unit::Bytes, "Memory of the layer", "The most that a layer's process was resident with. It is part of the function's memory.")
                .series("memory", Of::Last(Measure::LayerMemory)).limits(50e6, 100e6),
            Panel::new(Kind::Lines, Unit::Seconds, "Start of the layer", "From the start of the layer's process until it asked for the first event: what it adds to a cold start.")
                .series("start", Of::Last(Measure::LayerInit)).limits(0.2, 0.5),
        ],
    }
}

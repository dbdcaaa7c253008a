//! One function: how it runs, what it waits for, and where it stands in its chains.

use hopguard_core::{Counter, Measure};

use super::panel::{By, Kind, Of, Page, Panel, Row, Unit};

pub(crate) fn page() -> Page {
    Page {
        uid: "hopguard-function",
        title: "hopguard function",
        description: "What one function does, waits for and pays.",
        rows: vec![summary(), waits(), runs(), loops()],
        of_one: true,
    }
}

fn summary() -> Row {
    Row {
        title: "Summary",
        panels: vec![
            Panel::number(Unit::Count, "Trips", "From 1 on: it was set to 0. Open the runbook, \"A function is at 0\".")
                .series("trips", Of::events(Counter::Tripped)).limits(1.0, 1.0),
            Panel::number(Unit::Count, "Blocked records", "Records beyond a limit. From 1 on: follow the chain in its log to the trace.")
                .series("blocked", Of::events(Counter::Blocked)).limits(1.0, 100.0),
            Panel::number(Unit::Share, "Wait share", "The part of the time that it ran in which it waited. Above 30 % see the operations below.")
                .series("wait share", Of::Share(Measure::Wait, Measure::InvokeDuration)).limits(0.3, 0.6),
            Panel::number(Unit::Dollars, "Waiting costs", "What the wait was paid with, in US dollars.")
                .series("USD", Of::Sum(Measure::WaitCost)).limits(0.1, 1.0),
            Panel::number(Unit::Seconds, "Initialisation", "How long a cold start takes before the handler runs, on average. Above 1 s people notice: load less, or later.")
                .series("init", Of::Mean(Measure::InitDuration)).limits(1.0, 3.0),
            Panel::number(Unit::Bytes, "Package size", "The function's code on disk, unpacked. Lambda's limit is 250 MB with layers; from 50 MB on it is one of the signs of a monolith.")
                .series("size", Of::Last(Measure::PackageSize)).limits(50e6, 200e6),
        ],
    }
}

fn waits() -> Row {
    Row {
        title: "What it waits for",
        panels: vec![
            Panel::new(Kind::Ranking, Unit::Seconds, "Time in calls by operation", "All calls of each operation together; calls at once count each. Begin with the longest: batch it, cache it, start it together with others, or let a queue do it.")
                .by(By::Operation, Of::CallTime),
            Panel::new(Kind::Lines, Unit::Seconds, "Slow calls by operation", "What 95 % of the calls are below. One that rises alone is that service's trouble; all together, the function lacks processor time: give it memory.")
                .by(By::Operation, Of::CallHigh).limits(1.0, 5.0),
            Panel::new(Kind::Bars, Unit::Count, "Calls by operation", "How many there were. Many of one operation in one invocation: is there a batch operation?")
                .by(By::Operation, Of::Calls),
            Panel::new(Kind::Bars, Unit::Seconds, "Wait, and what could be saved", "wait: idle with a call in flight. functions: the part of it spent waiting for other functions, which are paid too; put a queue or an event between. serial candidates: the most that running serial calls together could save; a candidate, since only the code knows which calls need each other.")
                .series("wait", Of::Sum(Measure::Wait)).series("functions", Of::Sum(Measure::SyncInvoke)).series("serial candidates", Of::Sum(Measure::Saving)),
            Panel::new(Kind::Bars, Unit::Count, "Calls in trouble", "Sent again, run into a time limit, or too many for the analysis. Retries are paid waiting: look at the service's throttling first.")
                .counters(&[("retries", Counter::CallRetries), ("timeouts", Counter::CallTimeouts), ("not analysed", Counter::DroppedCalls)]),
            Panel::new(Kind::Ranking, Unit::Count, "Findings", "Windows of 1,000 invocations with an anti-pattern: docs/findings.md says what to do instead.")
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

fn runs() -> Row {
    Row {
        title: "How it runs",
        panels: vec![
            Panel::new(Kind::Lines, Unit::Seconds, "Duration", "How long its logic ran, and how long it was paid for. Paid far above run: initialisation, or extensions that take long after the answer.")
                .series("mean", Of::Mean(Measure::InvokeDuration)).series("high", Of::High(Measure::InvokeDuration)).series("paid, mean", Of::Mean(Measure::BilledDuration)),
            Panel::new(Kind::Lines, Unit::Bytes, "Memory used", "The most that its environments used. Near what it is given: it may be ended; far below: less memory is cheaper, and slower.")
                .series("greatest", Of::Greatest(Measure::MemoryUsed)),
            Panel::new(Kind::Bars, Unit::Count, "Invocations", "Errors include blocked invocations. Timeouts in a loop: the function waits for itself.")
                .counters(&[("invocations", Counter::Invocations), ("errors", Counter::Errors), ("timeouts", Counter::Timeouts), ("cold starts", Counter::ColdStarts)]),
            Panel::new(Kind::Lines, Unit::Seconds, "Initialisation", "Of each cold start, what 95 % are below, and the mean.")
                .series("high", Of::High(Measure::InitDuration)).series("mean", Of::Mean(Measure::InitDuration)).limits(1.0, 3.0),
        ],
    }
}

fn loops() -> Row {
    Row {
        title: "Its chains",
        panels: vec![
            Panel::new(
                Kind::Lines,
                Unit::Count,
                "Visits and hops",
                "Visits above 1: it feeds itself. Hops rise with each function on the way.",
            )
            .series("visits, high", Of::High(Measure::Visits))
            .series("hops, high", Of::High(Measure::Hop))
            .limits(2.0, 10.0),
            Panel::new(
                Kind::Bars,
                Unit::Count,
                "Records by verdict",
                "Warned ones are near a limit, or beyond one in mode observe.",
            )
            .counters(&[
                ("allowed", Counter::Allowed),
                ("warned", Counter::Warned),
                ("blocked", Counter::Blocked),
            ]),
            Panel::new(
                Kind::Bars,
                Unit::Count,
                "Lineage that did not get through",
                "Each is a gap through which a loop passes unseen; docs/alerts.md says how to close it.",
            )
            .counters(&[
                ("lost", Counter::Lost),
                ("uncounted", Counter::Uncounted),
                ("no room", Counter::NoRoom),
                ("unsupported", Counter::Unsupported),
                ("no scope", Counter::NoScope),
                ("rejected", Counter::Rejected),
            ]),
        ],
    }
}

use std::hint::black_box;

use hopguard_core::findings::{Observation, Seen, Thresholds, Window};
use hopguard_core::wait::{Attempt, Call, Calls, Invocation, Kind, Price, analyse};

use crate::measure::Work;
use crate::table::{Case, Target};

const MS: u64 = 1_000_000;
/// Calls of the invocation that others are compared with, call for call.
const FEW: u64 = 100;

/// What the analysis of an invocation costs: for so many calls, beside as many in invocations of a hundred. Linear is a ratio of 1; the
/// sort may double it.
pub fn all() -> Vec<Case> {
    vec![
        case("wait 100 calls, beside their sort alone", Target::None, FEW, sort(calls(FEW))),
        case("wait 1,000 calls, beside 10 x 100", Target::Times(2.0), 1_000, repeated(10)),
        case("wait 10,000 calls, beside 100 x 100", Target::Times(2.0), 10_000, repeated(100)),
        Case {
            name: "wait 10,000 calls, into the findings",
            target: Target::Times(1.0),
            subject: observed(calls(10_000)),
            reference: analysed(calls(10_000)),
        },
    ]
}

fn case(name: &'static str, target: Target, count: u64, reference: Work) -> Case {
    Case { name, target, subject: analysed(calls(count)), reference }
}

/// Of ten calls: four in a row, of which one needs the first, one that was sent twice, one synchronous invoke; two that overlap, and
/// one inside another; noted in the order of their ends, as they come in.
fn calls(count: u64) -> Calls {
    const TIMES: [(u64, u64); 10] = [
        (0, 10),
        (11, 15),
        (15, 30),
        (31, 40),
        (42, 60),
        (50, 70),
        (72, 99),
        (80, 90),
        (101, 110),
        (111, 119),
    ];
    let mut calls: Vec<Call> = (0..count)
        .zip(TIMES.iter().enumerate().cycle())
        .map(|(nth, (of_ten, (from, to)))| {
            let at = |ms: u64| (nth / 10 * 120 + ms) * MS;
            let mut call = Call::new("DynamoDB", "PutItem", at(*from), at(*to));
            call.target = Some("orders".into());
            match of_ten {
                1 => call.depends_on = vec![u32::try_from(nth - 1).unwrap_or_default()],
                2 => {
                    let failed = Attempt { start_ns: at(15), end_ns: at(18), failed: true };
                    call.attempts = vec![failed, Attempt { start_ns: at(22), end_ns: at(30), failed: false }];
                }
                3 => call.kind = Kind::SyncInvoke { callee: None },
                _ => {}
            }
            call
        })
        .collect();
    calls.sort_by_key(|call| call.end_ns);
    calls.into_iter().collect()
}

fn invocation(calls: &Calls) -> Invocation {
    let end_ns = calls.as_slice().iter().map(|call| call.end_ns).max().unwrap_or_default();
    Invocation { end_ns, memory_mb: 512, ..Invocation::default() }
}

fn analysed(calls: Calls) -> Work {
    let (invocation, price) = (invocation(&calls), Price::default());
    Box::new(move || {
        black_box(analyse(&invocation, black_box(&calls), &price));
    })
}

fn repeated(times: u32) -> Work {
    let mut one = analysed(calls(FEW));
    Box::new(move || (0..times).for_each(|_| one()))
}

fn sort(calls: Calls) -> Work {
    Box::new(move || {
        let mut times: Vec<_> = calls.as_slice().iter().map(|call| (call.start_ns, call.end_ns)).collect();
        times.sort_unstable();
        black_box(times);
    })
}

fn observed(calls: Calls) -> Work {
    let analysis = analyse(&invocation(&calls), &calls, &Price::default());
    let mut window = Window::new(Thresholds::default());
    Box::new(move || {
        window.observe(black_box(&Observation {
            function: "orders",
            invocation: "request",
            trace: "trace",
            source: Some("queue"),
            route: None,
            calls: &calls,
            analysis: &analysis,
            lineage: Seen::default(),
            package_bytes: None,
            init_ns: None,
        }));
    })
}

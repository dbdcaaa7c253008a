//! Cases computed by hand.

use super::*;

type Times<'c> = &'c [(i64, i64)];

#[test]
fn the_wait_is_the_union_of_the_calls_within_the_handler() {
    // Name, calls in a handler of 100 ms, wait in ms, saving in ms.
    let cases: &[(&str, Times<'_>, u64, u64)] = &[
        ("no call", &[], 0, 0),
        ("one call", &[(10, 40)], 30, 0),
        ("two that overlap", &[(10, 40), (30, 60)], 50, 0),
        ("two in parallel: the longer", &[(10, 90), (10, 30)], 80, 0),
        ("one inside another", &[(10, 90), (20, 30)], 80, 0),
        ("two that touch", &[(10, 40), (40, 60)], 50, 20),
        ("two with own work between", &[(10, 40), (70, 90)], 50, 20),
        ("three in a row", &[(0, 10), (10, 40), (50, 90)], 80, 40),
        ("no length", &[(10, 10), (50, 50)], 0, 0),
        ("no length inside another", &[(10, 90), (50, 50)], 80, 0),
        ("the clock was set back", &[(40, 10), (50, 70)], 20, 0),
        ("outlives the handler", &[(10, 30), (90, 150)], 30, 10),
        ("from an earlier invocation", &[(-50, 20)], 20, 0),
        ("longer than the handler at both ends", &[(-50, 150)], 100, 0),
        ("before the handler, and after it", &[(-50, -10), (120, 150)], 0, 0),
        ("up to its start, and from its end", &[(-50, 0), (100, 150)], 0, 0),
        ("all of it", &[(0, 50), (50, 100)], 100, 50),
    ];
    for (name, times, wait, saving) in cases {
        // In whichever order they were noted.
        for reversed in [false, true] {
            let mut calls: Vec<Call> = times.iter().map(|(from, to)| call(*from, *to)).collect();
            if reversed {
                calls.reverse();
            }
            let analysis = analysed(100, calls);
            let found = (analysis.wait.ns, analysis.saving.ns, analysis.cpu_ns);
            assert_eq!(found, (wait * MS, saving * MS, (100 - wait) * MS), "{name}");
            assert_eq!(analysis.in_flight_ns, analysis.wait.ns, "{name}");
        }
    }
}

#[test]
fn calls_beyond_the_handler_are_counted() {
    let analysis =
        analysed(100, [call(-20, -10), call(-10, 10), call(20, 30), call(90, 101), call(100, 100)]);
    assert_eq!((analysis.calls, analysis.early, analysis.outlived), (5, 2, 1));
}

#[test]
fn a_clock_that_was_set_back_during_the_handler_leaves_no_time() {
    let invocation =
        Invocation { start_ns: 2 * START, end_ns: START, memory_mb: 128, ..Invocation::default() };
    let analysis = analyse(&invocation, &[call(0, 50)].into_iter().collect(), &Price::default());
    assert_eq!((analysis.handler_ns, analysis.wait.ns, analysis.paid.ns), (0, 0, 0));
}

#[test]
fn no_handler_waits_longer_than_it_was_idle() {
    // A task beside the call was on the processor for 60 of the 100 ms.
    let busy = Invocation { busy_ns: Some(60 * MS), ..handler(100) };
    let calls = [invoke(0, 40, None), call(40, 80)].into_iter().collect();
    let analysis = analyse(&busy, &calls, &Price::default());
    assert_eq!((analysis.in_flight_ns, analysis.idle_ns), (80 * MS, Some(40 * MS)));
    assert_eq!((analysis.wait.ns, analysis.cpu_ns), (40 * MS, 60 * MS));
    assert_eq!((analysis.saving.ns, analysis.sync_invokes.caller.ns), (40 * MS, 40 * MS));
    let analysis = analyse(&Invocation { busy_ns: Some(500 * MS), ..busy }, &calls, &Price::default());
    assert_eq!((analysis.wait.ns, analysis.idle_ns), (0, Some(0)), "more than one processor at work");
}

#[test]
fn what_is_paid_is_what_lambda_bills() {
    let invocation = Invocation { end_ns: START + 100 * MS + 1, ..handler(100) };
    assert_eq!(invocation.paid_ns(), 101 * MS, "up to a whole millisecond");
    let cold = Invocation { init_ns: Some(250 * MS), ..invocation };
    assert_eq!(cold.paid_ns(), 351 * MS);
    let known = Invocation { billed_ns: Some(360 * MS), ..cold };
    assert_eq!(known.paid_ns(), 360 * MS);
    let far = Invocation { start_ns: 0, end_ns: u64::MAX, init_ns: Some(9), ..invocation };
    assert_eq!(far.paid_ns(), u64::MAX, "no overflow");
}

#[test]
fn usd_can_be_derived_by_hand() {
    // 512 MB, 200 ms paid for, 120 ms of them waited:
    // 0.2 s × 0.5 GB × 0.0000166667 = 0.00000166667, 0.12 × 0.5 × 0.0000166667 = 0.000001000002.
    let invocation = Invocation { memory_mb: 512, ..handler(200) };
    let analysis = analyse(&invocation, &[call(0, 120)].into_iter().collect(), &Price::default());
    let near = |usd: f64, expected: f64| assert!((usd - expected).abs() < 1e-15, "{usd} {expected}");
    near(analysis.paid.gb_seconds, 0.1);
    near(analysis.paid.usd, 0.000_001_666_67);
    near(analysis.wait.usd, 0.000_001_000_002);
    near(analysis.request_usd, 0.000_000_2);
    let arm = Price::listed(Architecture::Arm64);
    near(arm.amount(1_000 * MS, 1_024).usd, 0.000_013_333_4);
    let own = arm.or_own(Some(0.000_01));
    near(own.amount(1_000 * MS, 2_048).usd, 0.000_02);
    assert_eq!((&*own.source, &*own.date), ("HOPGUARD_USD_PER_GB_SECOND", ""));
}

#[test]
fn a_function_that_waits_for_functions_is_paid_beside_them() {
    // 1 GB here. Two callees in parallel: one known (80 ms at 2 GB), one not (60 ms, estimated at 1 GB), and one call that is none.
    let known = Callee { paid_ns: 80 * MS, memory_mb: 2_048 };
    let calls = [invoke(0, 90, Some(known)), invoke(30, 90, None), call(90, 95)];
    let invokes = analysed(100, calls).sync_invokes;
    assert_eq!((invokes.count, invokes.estimated, invokes.caller.ns), (2, 1, 90 * MS));
    assert!((invokes.caller.gb_seconds - 0.09).abs() < 1e-12);
    assert!((invokes.callees.gb_seconds - (0.16 + 0.06)).abs() < 1e-12);
    assert_eq!(invokes.callees.ns, 140 * MS);
}

#[test]
fn the_critical_path_is_what_the_end_depends_on() {
    let cases: &[(&str, Times<'_>, &[u32])] = &[
        ("nothing", &[], &[]),
        ("in a row", &[(0, 10), (20, 30)], &[0, 1]),
        ("the longer of two", &[(10, 90), (10, 30)], &[0]),
        ("noted in another order", &[(50, 90), (0, 40)], &[1, 0]),
        ("the last of two that overlap", &[(0, 50), (40, 90)], &[1]),
        ("what ended before that one began", &[(0, 30), (10, 50), (40, 90)], &[0, 2]),
        ("still in flight at the end", &[(0, 50), (40, 150)], &[0]),
        ("two that ended together: the longer", &[(20, 90), (10, 90)], &[1]),
        ("no length", &[(90, 90), (10, 90)], &[1]),
    ];
    for (name, times, path) in cases {
        let analysis = analysed(100, times.iter().map(|(from, to)| call(*from, *to)));
        assert_eq!(analysis.critical_path, *path, "{name}");
        let length = |place: &u32| times.get(*place as usize).map_or(0, |(from, to)| (to - from) as u64);
        assert_eq!(analysis.critical_ns, path.iter().map(length).sum::<u64>() * MS, "{name}");
    }
}

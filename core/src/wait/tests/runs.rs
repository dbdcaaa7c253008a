//! Serial runs, dependences, and bounds.

use super::*;

/// Calls one after the other, each with the places that it depends on.
fn serial(calls: &[(i64, i64, &[u32])]) -> Analysis {
    let depends = |(from, to, on): &(i64, i64, &[u32])| Call { depends_on: on.to_vec(), ..call(*from, *to) };
    analysed(100, calls.iter().map(depends))
}

#[test]
fn a_run_ends_where_calls_overlap() {
    let times = [(0, 10), (12, 20), (20, 40), (30, 45), (50, 60), (61, 63), (65, 70), (80, 95), (90, 99)];
    let analysis = analysed(100, times.map(|(from, to)| call(from, to)));
    let run = |calls: &[u32], sum, longest, gaps| SerialRun {
        calls: calls.to_vec(),
        sum_ns: sum * MS,
        longest_ns: longest * MS,
        path_ns: longest * MS,
        gaps_ns: gaps * MS,
    };
    assert_eq!(analysis.serial, [run(&[0, 1], 18, 10, 2), run(&[4, 5, 6], 17, 10, 3)]);
    assert_eq!(analysis.saving.ns, (8 + 7) * MS);
}

#[test]
fn calls_that_need_each_other_cannot_run_together() {
    type Case<'c> = (&'c str, &'c [(i64, i64, &'c [u32])], u64, u64);
    let cases: &[Case<'_>] = &[
        ("none", &[(0, 10, &[]), (10, 30, &[]), (30, 60, &[])], 30, 30),
        ("a chain", &[(0, 10, &[]), (10, 30, &[0]), (30, 60, &[1])], 60, 0),
        ("the last needs the first", &[(0, 10, &[]), (10, 30, &[]), (30, 60, &[0])], 40, 20),
        ("two need the first", &[(0, 10, &[]), (10, 30, &[0]), (30, 60, &[0])], 40, 20),
        ("the last needs both", &[(0, 10, &[]), (10, 30, &[]), (30, 60, &[0, 1])], 50, 10),
        (
            "of itself, of a later one and of none",
            &[(0, 10, &[0, 1, 9]), (10, 30, &[]), (30, 60, &[2])],
            30,
            30,
        ),
        ("through one without length", &[(0, 10, &[]), (10, 10, &[0]), (10, 30, &[1])], 30, 0),
    ];
    for (name, calls, path, saving) in cases {
        let analysis = serial(calls);
        assert_eq!(analysis.serial.len(), 1, "{name}");
        assert_eq!((analysis.serial[0].path_ns, analysis.saving.ns), (path * MS, saving * MS), "{name}");
    }
}

#[test]
fn a_call_with_too_many_dependences_needs_all_before_it() {
    let mut calls: Vec<Call> = (0..20).map(|n| call(n, n + 1)).collect();
    calls.push(Call { depends_on: (0..20).collect(), ..call(30, 40) });
    let run = &analysed(100, calls).serial[0];
    assert_eq!((run.sum_ns, run.path_ns), (30 * MS, 11 * MS));
    let chain = (0..20).map(|n: u32| Call {
        depends_on: n.checked_sub(1).into_iter().collect(),
        ..call(i64::from(n), i64::from(n) + 1)
    });
    let last = Call { depends_on: (0..20).collect(), ..call(30, 40) };
    assert_eq!(analysed(100, chain.chain([last])).saving.ns, 0);
}

#[test]
fn an_object_and_an_item_in_parallel_save_nothing() {
    let analysis = analysed(100, [call(10, 90), call(10, 50)]);
    assert_eq!((analysis.wait.ns, analysis.saving.ns), (80 * MS, 0), "as long as the longer");
    let analysis = analysed(130, [call(10, 90), call(90, 130)]);
    assert_eq!((analysis.wait.ns, analysis.saving.ns), (120 * MS, 40 * MS), "sum less the longest");
}

#[test]
fn ten_thousand_calls_are_analysed_and_the_next_is_counted() {
    let mut calls = Calls::default();
    for n in 0..MAX_CALLS as i64 {
        let depends_on = if n % 2 == 1 { vec![n as u32 - 1] } else { Vec::new() };
        let place = calls.push(Call { depends_on, ..call(2 * n, 2 * n + 1) });
        assert_eq!(place, Some(n as u32));
    }
    let analysis = analyse(&handler(30_000), &calls, &Price::default());
    assert_eq!((analysis.calls, analysis.wait.ns, analysis.serial.len()), (10_000, 10_000 * MS, 1));
    assert_eq!(analysis.saving.ns, 9_998 * MS, "all pairs at once");
    // One call too many, beside the last quarter of the others: which may then have run beside it.
    assert_eq!(calls.push(call(15_000, 30_000)), None);
    let fewer = analyse(&handler(30_000), &calls, &Price::default());
    assert_eq!((fewer.calls, fewer.dropped, fewer.wait.ns), (10_000, 1, 10_000 * MS));
    assert_eq!(fewer.saving.ns, 7_498 * MS, "a lower bound");
    calls.add_dropped(5);
    assert_eq!(calls.dropped(), 6);
}

#[test]
fn what_a_call_holds_is_bounded() {
    let long = "ü".repeat(500);
    let mut calls = Calls::default();
    calls.push(Call {
        service: long.clone().into(),
        target: Some(long.clone().into()),
        error: Some(long.into()),
        attempts: vec![Attempt::default(); 1_000],
        depends_on: (0..1_000).collect(),
        ..call(0, 1)
    });
    let kept = calls.at(0).unwrap();
    assert_eq!((kept.service.len(), kept.target.as_ref().unwrap().len()), (64, 256));
    assert_eq!((kept.error.as_ref().unwrap().len(), kept.attempts.len()), (64, MAX_ATTEMPTS));
    assert_eq!((kept.depends_on.len(), kept.retries()), (MAX_DEPENDENCES + 1, 999), "the count stays whole");
    assert!(calls.at(1).is_none());
}

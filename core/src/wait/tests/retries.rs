//! Retries, back-off and time limits.

use super::*;

fn attempt(from: i64, to: i64, failed: bool) -> Attempt {
    let Call { start_ns, end_ns, .. } = call(from, to);
    Attempt { start_ns, end_ns, failed }
}

#[test]
fn a_retry_loses_the_failed_attempts_and_the_time_between() {
    // 10 to 30 failed, back-off to 50, 50 to 60 failed, back-off to 80, 80 to 90 was answered.
    let attempts = vec![attempt(10, 30, true), attempt(50, 60, true), attempt(80, 90, false)];
    let analysis = analysed(100, [Call { attempts, ..call(10, 90) }, call(90, 95)]);
    let Retries { count, untimed, failed_ns, backoff_ns, lost } = analysis.retries;
    assert_eq!((count, untimed), (2, 0));
    assert_eq!((failed_ns, backoff_ns, lost.ns), (30 * MS, 40 * MS, 70 * MS));
    assert_eq!((analysis.wait.ns, analysis.failed), (85 * MS, 0));
}

#[test]
fn where_the_last_attempt_failed_too_all_is_lost() {
    let attempts = vec![attempt(10, 30, true), attempt(50, 90, true)];
    let error = Some("ThrottlingException".into());
    let analysis = analysed(100, [Call { attempts, error, ..call(10, 90) }]);
    assert_eq!((analysis.retries.lost.ns, analysis.failed), (80 * MS, 1));
}

#[test]
fn attempts_without_times_are_counted_only() {
    let calls = [
        Call { resends: 3, ..call(10, 90) },
        Call { resends: 1, attempts: vec![attempt(10, 20, true)], ..call(10, 90) },
        Call { attempts: vec![attempt(10, 20, true)], ..call(10, 20) },
    ];
    let retries = analysed(100, calls).retries;
    assert_eq!((retries.count, retries.untimed, retries.lost.ns), (4, 2, 0));
}

#[test]
fn what_two_calls_lose_at_once_is_lost_once() {
    let twice = |from| Call {
        attempts: vec![attempt(from, from + 20, true), attempt(from + 40, from + 50, false)],
        ..call(from, from + 50)
    };
    // Failed 10 to 30 and 20 to 40, back-off 30 to 50 and 40 to 60.
    let retries = analysed(100, [twice(20), twice(10)]).retries;
    assert_eq!((retries.count, retries.failed_ns, retries.backoff_ns), (2, 30 * MS, 30 * MS));
    assert_eq!(retries.lost.ns, 50 * MS);
}

#[test]
fn attempts_are_within_their_call_whatever_their_clock_says() {
    let attempts = vec![attempt(95, 20, true), attempt(-500, 900, true), attempt(40, 30, false)];
    let retries = analysed(60, [Call { attempts, ..call(10, 90) }]).retries;
    assert_eq!(retries.count, 2);
    assert!(retries.lost.ns <= 50 * MS, "{retries:?}");
}

#[test]
fn a_call_that_runs_into_a_time_limit_is_waited_for_and_has_failed() {
    let limited = |from, to| Call { timed_out: true, ..call(from, to) };
    let analysis = analysed(100, [limited(0, 50), limited(40, 60), call(60, 70)]);
    assert_eq!((analysis.timeouts.count, analysis.timeouts.wait.ns, analysis.failed), (2, 60 * MS, 2));
}

//! The same figures in the simplest way that there is: by painting a grid of milliseconds, by comparing each call with each, and
//! by following every path. Slow, and hard to get wrong.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The handler's milliseconds.
const HANDLER: i64 = 40;

/// How many cells of the handler's grid are painted.
fn painted(strokes: impl IntoIterator<Item = (i64, i64)>) -> u64 {
    let mut grid = [false; HANDLER as usize];
    for (from, to) in strokes {
        for (cell, on) in (0..).zip(&mut grid) {
            *on |= from <= cell && cell < to;
        }
    }
    grid.iter().filter(|on| **on).count() as u64 * MS
}

/// A call of the oracle: from, to, a synchronous invoke, a time limit, dependences, attempts.
type Drawn = (i64, i64, bool, bool, Vec<u32>, Vec<(i64, i64, bool)>);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let attempts = vec((-10..60_i64, -10..60_i64, any::<bool>()), 0..4);
    // Short ones too, so that some are alone.
    let times = (-10..55_i64, prop_oneof![3 => -2..6_i64, 1 => -20..60_i64]);
    let one = (times, any::<bool>(), any::<bool>(), vec(0..10_u32, 0..4), attempts);
    vec(
        one.prop_map(|((from, length), sync, limit, on, attempts)| {
            (from, from + length, sync, limit, on, attempts)
        }),
        0..9,
    )
}

fn built(drawn: &Drawn) -> Call {
    let (from, to, sync, timed_out, depends_on, attempts) = drawn;
    let attempt = |(from, to, failed): &(i64, i64, bool)| {
        let Call { start_ns, end_ns, .. } = call(*from, *to);
        Attempt { start_ns, end_ns, failed: *failed }
    };
    Call {
        kind: if *sync { Kind::SyncInvoke { callee: None } } else { Kind::Other },
        timed_out: *timed_out,
        depends_on: depends_on.clone(),
        attempts: attempts.iter().map(attempt).collect(),
        ..call(*from, *to)
    }
}

/// Its time within the handler, or nothing where it has none.
fn clipped(from: i64, to: i64) -> Option<(i64, i64)> {
    let to = to.max(from);
    let (start, end) = (from.max(0), to.min(HANDLER));
    (start < end || (from == to && start == end)).then_some((start, end))
}

/// Two calls overlap where they have some time in common, or where a moment is inside the other.
fn overlap(a: (i64, i64), b: (i64, i64)) -> bool {
    let common = a.1.min(b.1) - a.0.max(b.0);
    let inside = |moment: (i64, i64), other: (i64, i64)| {
        moment.0 == moment.1 && other.0 < moment.0 && moment.0 < other.1
    };
    common > 0 || inside(a, b) || inside(b, a)
}

/// Runs of calls that overlap none: two such calls are in one run where no call that overlaps another is between them.
fn runs(times: &[Option<(i64, i64)>]) -> Vec<Vec<u32>> {
    let mut placed: Vec<(i64, i64, u32)> =
        (0..).zip(times).filter_map(|(place, time)| time.map(|(from, to)| (from, to, place))).collect();
    placed.sort_unstable();
    let alone = |one: &(i64, i64, u32)| {
        !placed.iter().any(|other| other.2 != one.2 && overlap((one.0, one.1), (other.0, other.1)))
    };
    let groups = placed.split(|one| !alone(one)).filter(|group| group.len() > 1);
    groups.map(|group| group.iter().map(|(.., place)| *place).collect()).collect()
}

/// The longest chain of dependences that ends in `place`, among the calls of its run that come before it.
fn path(run: &[u32], nth: usize, drawn: &[Drawn], times: &[Option<(i64, i64)>]) -> i64 {
    let place = run[nth] as usize;
    let (from, to) = times[place].unwrap();
    let needed = (0..nth).filter(|earlier| drawn[place].4.contains(&run[*earlier]));
    to - from + needed.map(|earlier| path(run, earlier, drawn, times)).max().unwrap_or(0)
}

/// Backwards from the end, each time looking at all calls.
fn critical(drawn: &[Drawn], times: &[Option<(i64, i64)>]) -> Vec<u32> {
    let (mut path, mut before) = (Vec::new(), HANDLER);
    loop {
        let candidates = (0..).zip(times).filter_map(|(place, time)| time.map(|time| (time, place)));
        let awaited = candidates.filter(|((from, to), place): &((i64, i64), usize)| {
            drawn[*place].1 <= HANDLER && from < to && *to <= before
        });
        // The latest end, then the earliest start, then the one that was noted first.
        let Some(((from, _), place)) =
            awaited.max_by_key(|((from, to), place)| (*to, -from, usize::MAX - place))
        else {
            path.reverse();
            return path;
        };
        path.push(place as u32);
        before = from;
    }
}

/// What the attempts of one call lost: failed ones, and the time between.
type Strokes = Vec<(i64, i64)>;

fn lost(drawn: &Drawn) -> (Strokes, Strokes) {
    let (from, to, .., attempts) = drawn;
    let within = |(a, b): (i64, i64)| (a.clamp(*from, (*to).max(*from)), b.clamp(*from, (*to).max(*from)));
    let mut attempts = attempts.clone();
    attempts.sort_by_key(|(from, ..)| *from);
    let last = attempts.len().saturating_sub(1);
    if last == 0 {
        return Default::default();
    }
    let failed = attempts.iter().enumerate().filter(|(nth, (.., failed))| *nth < last || *failed);
    let between = attempts.windows(2).map(|two| within((two[0].1.max(two[0].0), two[1].0)));
    (failed.map(|(_, (from, to, _))| within((*from, *to))).collect(), between.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn analysis_is_what_the_oracle_says(drawn in drawn(), busy in proptest::option::of(0..50_u64)) {
        let times: Vec<_> = drawn.iter().map(|(from, to, ..)| clipped(*from, *to)).collect();
        let calls: Calls = drawn.iter().map(built).collect();
        let invocation = Invocation { busy_ns: busy.map(|busy| busy * MS), ..handler(HANDLER as u64) };
        let analysis = analyse(&invocation, &calls, &Price::default());

        let all = drawn.iter().map(|(from, to, ..)| (*from, *to));
        prop_assert_eq!(analysis.in_flight_ns, painted(all));
        let idle = busy.map_or(u64::MAX, |busy| (HANDLER as u64).saturating_sub(busy) * MS);
        let wait = analysis.in_flight_ns.min(idle);
        prop_assert_eq!(analysis.wait.ns, wait);
        let sync = drawn.iter().filter(|call| call.2).map(|(from, to, ..)| (*from, *to));
        prop_assert_eq!(analysis.sync_invokes.caller.ns, painted(sync).min(wait));
        let limited = drawn.iter().filter(|call| call.3).map(|(from, to, ..)| (*from, *to));
        prop_assert_eq!(analysis.timeouts.wait.ns, painted(limited).min(wait));

        let runs = runs(&times);
        prop_assert_eq!(analysis.serial.iter().map(|run| run.calls.clone()).collect::<Vec<_>>(), runs.clone());
        let mut saving = 0;
        for (found, run) in analysis.serial.iter().zip(&runs) {
            let length = |place: &u32| times[*place as usize].map_or(0, |(from, to)| (to - from) as u64 * MS);
            let longest_path = (0..run.len()).map(|nth| path(run, nth, &drawn, &times)).max().unwrap_or(0);
            prop_assert_eq!(found.sum_ns, run.iter().map(length).sum::<u64>());
            prop_assert_eq!(found.longest_ns, run.iter().map(length).max().unwrap_or(0));
            prop_assert_eq!(found.path_ns, longest_path as u64 * MS);
            let ends = (times[run[0] as usize].unwrap().0, times[run[run.len() - 1] as usize].unwrap().1);
            prop_assert_eq!(found.gaps_ns, (ends.1 - ends.0) as u64 * MS - found.sum_ns);
            saving += found.sum_ns - found.path_ns;
        }
        prop_assert_eq!(analysis.saving.ns, saving.min(wait));

        prop_assert_eq!(&analysis.critical_path, &critical(&drawn, &times));

        let (failed, backoff): (Vec<_>, Vec<_>) = drawn.iter().map(lost).unzip();
        let (failed, backoff) = (failed.concat(), backoff.concat());
        prop_assert_eq!(analysis.retries.failed_ns, painted(failed.iter().copied()));
        prop_assert_eq!(analysis.retries.backoff_ns, painted(backoff.iter().copied()));
        prop_assert_eq!(analysis.retries.lost.ns, painted(failed.into_iter().chain(backoff)).min(wait));
    }

    #[test]
    fn the_order_in_which_calls_are_noted_changes_no_figure(drawn in drawn()) {
        let figures = |calls: Calls| {
            let analysis = analyse(&handler(HANDLER as u64), &calls, &Price::default());
            let runs: Vec<_> = analysis.serial.iter().map(|run| (run.calls.len(), run.saving_ns())).collect();
            (format!("{:?}", (analysis.wait, analysis.saving, analysis.critical_ns, analysis.retries, analysis.timeouts)), runs)
        };
        let free = |drawn: &Drawn| Call { depends_on: Vec::new(), ..built(drawn) };
        let forwards = figures(drawn.iter().map(free).collect());
        prop_assert_eq!(forwards, figures(drawn.iter().rev().map(free).collect()));
    }

    #[test]
    fn no_times_are_too_strange(
        times in vec((any::<u64>(), any::<u64>()), 0..20),
        (start_ns, end_ns, busy, init) in (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()),
    ) {
        let calls = times.iter().map(|(start, end)| Call {
            kind: Kind::SyncInvoke { callee: None },
            attempts: vec![Attempt { start_ns: *end, end_ns: *start, failed: true }; 3],
            ..Call::new("x", "y", *start, *end)
        });
        let invocation =
            Invocation { start_ns, end_ns, memory_mb: u32::MAX, busy_ns: Some(busy), init_ns: Some(init), billed_ns: None };
        let analysis = analyse(&invocation, &calls.collect(), &Price::default());
        prop_assert!(analysis.wait.ns <= analysis.in_flight_ns && analysis.in_flight_ns <= analysis.handler_ns);
        prop_assert!(analysis.saving.ns <= analysis.wait.ns && analysis.paid.usd.is_finite());
    }
}

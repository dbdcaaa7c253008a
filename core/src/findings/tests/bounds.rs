//! What a window holds, and in which order it says what it found.

use super::*;

#[test]
fn a_window_tells_so_many_functions_apart_and_counts_the_rest() {
    let twice =
        Invoked { handler_ms: 1, lineage: Seen { visits: 2, ..Seen::default() }, ..Invoked::default() };
    let mut window = Window::default();
    for n in (0..MAX_FUNCTIONS + 10).rev() {
        observe(&mut window, &format!("function-{n:04}"), n, &twice);
    }
    let findings = window.findings();
    assert_eq!((findings.len(), window.overflow()), (MAX_FUNCTIONS, 10));
    assert!(findings.is_sorted_by_key(|finding| finding.function.clone()));
    window.clear();
    assert!(window.findings().is_empty() && window.overflow() == 0);
}

#[test]
fn names_kinds_of_events_and_branches_are_bounded() {
    let mut window = Window::default();
    for n in 0..300_usize {
        let text: &'static str = format!("{n}{}", "é".repeat(2_000)).leak();
        let calls = in_a_row(&[("Invoke", text, 10), ("PutObject", text, 10)]);
        let invoked =
            Invoked { calls, handler_ms: 30, route: Some(text), source: Some(text), ..Invoked::default() };
        observe(&mut window, text, n, &invoked);
        observe(&mut window, &"orders".repeat(100), n, &invoked);
    }
    let findings = window.findings();
    let orders: Vec<_> =
        findings.into_iter().filter(|finding| finding.function.starts_with("orders")).collect();
    assert_eq!(kinds(&orders), ["sync-invoke", "serial-wait", "monolith"]);
    let routes = &orders[2].evidence[0];
    assert_eq!((routes.value, routes.overflow, routes.names.len()), (64.0, 300 - 64, 10));
    for finding in &orders {
        assert!(finding.function.len() <= 256);
        assert!(finding.examples.len() <= 5);
        let names = finding.evidence.iter().flat_map(|one| &one.names);
        assert!(names.clone().all(|name| name.len() <= 512), "{:?}", names.map(String::len).max());
    }
}

#[test]
fn the_same_invocations_are_found_the_same_way() {
    let calls = in_a_row(&[("GetObject", "in", 40), ("Invoke", "payment", 40), ("Invoke", "invoice", 10)]);
    let lineage = Seen { visits: 3, hop: 5, ..Seen::default() };
    let invoked = Invoked { calls, handler_ms: 100, lineage, ..Invoked::default() };
    let all = vec![invoked; 20];
    assert_eq!(found(&all), found(&all));
    assert_eq!(kinds(&found(&all)), ["recursion", "sync-invoke", "serial-wait"]);
    // Of those that cost the same, the first ones.
    let expected = ["request-0", "request-1", "request-2", "request-3", "request-4"];
    assert_eq!(examples(&found(&all)[0]), expected);
}

#[test]
fn costs_add_up_and_never_become_no_number() {
    let findings = found(&vec![
        Invoked {
            lineage: Seen { visits: u32::MAX, hop: u32::MAX, ..Seen::default() },
            handler_ms: u64::MAX / MS,
            init_ms: Some(u64::MAX / MS),
            package_mb: Some(u64::MAX / 1_048_576),
            ..Invoked::default()
        };
        3
    ]);
    assert_eq!(kinds(&findings), ["recursion"]);
    let Amount { ns, usd, .. } = findings[0].cost.unwrap();
    assert!(ns == u64::MAX && usd.is_finite());
    assert!(findings[0].evidence.iter().all(|one| one.value.is_finite()));
}

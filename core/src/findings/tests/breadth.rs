//! Orchestrators and monoliths.

use super::*;

const READ: (&str, &str, u64) = ("GetObject", "cart", 10);
const PAY: (&str, &str, u64) = ("Invoke", "payment", 10);
const INVOICE: (&str, &str, u64) = ("Invoke", "invoice", 10);
const WRITE: (&str, &str, u64) = ("PutObject", "orders", 10);
const REFUSE: (&str, &str, u64) = ("PutObject", "refused", 10);
const TELL: (&str, &str, u64) = ("PutObject", "mails", 10);

fn leads(calls: &[(&'static str, &'static str, u64)]) -> Invoked {
    // Long enough for the wait to be a small part: only what is asked for is found.
    Invoked { calls: in_a_row(calls), handler_ms: 10_000, ..Invoked::default() }
}

#[test]
fn an_orchestrator_needs_two_signals() {
    type Case<'c> = (&'c str, &'c [Invoked], bool);
    let cases: &[Case<'_>] = &[
        ("steps alone", &[leads(&[READ, WRITE, TELL, REFUSE])], false),
        ("invokes alone", &[leads(&[PAY, INVOICE])], false),
        ("branches alone", &[leads(&[READ, WRITE]), leads(&[READ, REFUSE])], false),
        ("steps and invokes", &[leads(&[READ, PAY, INVOICE, WRITE])], true),
        ("one step fewer", &[leads(&[READ, PAY, INVOICE])], false),
        ("the same step twice is one", &[leads(&[READ, PAY, PAY, READ])], false),
        ("steps and branches", &[leads(&[READ, WRITE, TELL, PAY]), leads(&[READ, REFUSE])], true),
        (
            "a part of the steps is no branch",
            &[leads(&[READ, WRITE, TELL, REFUSE]), leads(&[READ, WRITE])],
            false,
        ),
        ("no call at all is no branch", &[leads(&[READ, WRITE, TELL, REFUSE]), leads(&[])], false),
        ("invokes and branches", &[leads(&[PAY, INVOICE]), leads(&[PAY, REFUSE])], true),
    ];
    for (name, invocations, expected) in cases {
        assert_eq!(kinds(&found(invocations)).contains(&"orchestrator"), *expected, "{name}");
    }
}

#[test]
fn what_is_done_for_another_kind_of_event_is_no_branch() {
    let at = |route, calls: &[_]| Invoked { route: Some(route), ..leads(calls) };
    let routes = [at("POST /orders", &[READ, WRITE, TELL, PAY]), at("DELETE /orders", &[READ, REFUSE])];
    assert!(!kinds(&found(&routes)).contains(&"orchestrator"));
    let one = [at("POST /orders", &[READ, WRITE, TELL, PAY]), at("POST /orders", &[READ, REFUSE])];
    assert!(kinds(&found(&one)).contains(&"orchestrator"));
}

#[test]
fn calls_in_parallel_are_one_step() {
    let mut invoked = leads(&[READ, WRITE, TELL, REFUSE, PAY]);
    for call in &mut invoked.calls {
        (call.start_ns, call.end_ns) = (0, call.end_ns);
    }
    let findings = found(&[invoked, leads(&[PAY])]);
    assert_eq!(kinds(&findings), ["sync-invoke"]);
}

#[test]
fn an_orchestrator_shows_its_steps_and_what_it_waited() {
    let findings = found(&[leads(&[READ, PAY, INVOICE, WRITE]), leads(&[READ, PAY, REFUSE]), leads(&[READ])]);
    let finding = findings.iter().find(|finding| finding.kind == Kind::Orchestrator).unwrap();
    assert_eq!((finding.affected, finding.invocations), (1, 3));
    assert_eq!(finding.cost.unwrap().ns, 40 * MS);
    let names =
        ["Lambda.Invoke invoice", "Lambda.Invoke payment", "S3.GetObject cart", "S3.PutObject orders"];
    assert_eq!(finding.evidence[0].names, names);
    let values: Vec<_> = finding.evidence.iter().map(|one| one.value).collect();
    assert_eq!(values, [4.0, 2.0, 2.0]);
}

const ROUTES: [&str; 6] = ["GET /a", "PUT /a", "GET /b", "PUT /b", "GET /c", "PUT /c"];

fn on(routes: &[&'static str], whole: &Invoked) -> Vec<Invoked> {
    routes.iter().map(|route| Invoked { route: Some(route), source: Some("api"), ..whole.clone() }).collect()
}

#[test]
fn a_monolith_needs_breadth_and_a_second_signal() {
    const TARGETS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let small =
        Invoked { handler_ms: 100_000, package_mb: Some(2), init_ms: Some(200), ..Invoked::default() };
    let busy = Invoked { calls: in_a_row(&TARGETS.map(|target| ("PutObject", target, 1))), ..small.clone() };
    let heavy = Invoked { package_mb: Some(50), init_ms: Some(1_000), ..small.clone() };
    let sources = ["api", "queue", "bucket"];
    let mixed: Vec<_> =
        sources.iter().map(|source| Invoked { source: Some(source), ..heavy.clone() }).collect();
    let cases = [
        ("many routes", on(&ROUTES, &small), false),
        ("many operations", on(&ROUTES[..1], &busy), false),
        ("many routes and operations", on(&ROUTES, &busy), true),
        ("one route fewer", on(&ROUTES[..5], &busy), false),
        ("large and slow, for one task", on(&ROUTES[..1], &heavy), false),
        ("large and slow, many routes", on(&ROUTES, &heavy), true),
        ("large and slow, three sources", mixed.clone(), true),
        ("large and slow, two sources", mixed[..2].to_vec(), false),
    ];
    for (name, invocations, expected) in cases {
        assert_eq!(kinds(&found(&invocations)).contains(&"monolith"), expected, "{name}");
    }
}

#[test]
fn a_monolith_says_nothing_of_what_nobody_measured() {
    let broad = on(&ROUTES, &Invoked { package_mb: Some(80), init_ms: None, ..Invoked::default() });
    let finding = &found(&broad)[0];
    let said: Vec<_> = finding.evidence.iter().map(|one| one.what).collect();
    assert_eq!(said, ["routes and detail types", "event sources", "downstream operations", "code on disk"]);
}

#[test]
fn a_monolith_says_which_signals_there_are() {
    let heavy = Invoked { handler_ms: 100, package_mb: Some(80), init_ms: Some(600), ..Invoked::default() };
    let mut invocations = on(&ROUTES, &heavy);
    invocations.extend(on(&ROUTES[..1], &Invoked { init_ms: None, ..heavy }));
    let findings = found(&invocations);
    assert_eq!(kinds(&findings), ["monolith"]);
    let finding = &findings[0];
    let reached: Vec<_> = finding.evidence.iter().filter(|one| one.reaches()).map(|one| one.what).collect();
    assert_eq!(reached, ["routes and detail types", "code on disk"]);
    assert_eq!(value(finding, "initialisation on average"), 600.0, "of cold starts");
    assert_eq!((finding.affected, finding.invocations, finding.cost), (7, 7, None));
    assert_eq!(finding.evidence[0].names, ["GET /a", "GET /b", "GET /c", "PUT /a", "PUT /b", "PUT /c"]);
    assert_eq!(finding.examples.len(), 5, "of routes that were new");
    let strict = Thresholds { monolith_signals: 3, ..Thresholds::default() };
    assert!(found_with(strict, &invocations).is_empty());
}

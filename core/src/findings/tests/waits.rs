//! Recursion, synchronous invokes and serial waits.

use super::*;

#[test]
fn a_function_that_does_one_thing_well_has_no_finding() {
    let calls = in_a_row(&[("GetObject", "in", 5), ("PutObject", "out", 5)]);
    let sound = Invoked {
        calls,
        handler_ms: 100,
        source: Some("uploads"),
        lineage: Seen { hop: 3, visits: 1, ..Seen::default() },
        package_mb: Some(5),
        init_ms: Some(200),
        ..Invoked::default()
    };
    assert!(found(&[sound.clone(), sound]).is_empty());
    assert!(found(&[Invoked::default()]).is_empty(), "nothing is known of it");
}

#[test]
fn recursion_is_a_second_visit_a_block_or_a_trip() {
    let visit = |hop, visits| Invoked {
        handler_ms: 100,
        lineage: Seen { hop, visits, ..Seen::default() },
        ..Invoked::default()
    };
    let blocked = Seen { hop: 4, visits: 1, blocked: true, tripped: true };
    let findings =
        found(&[visit(0, 1), visit(2, 2), visit(4, 3), Invoked { lineage: blocked, ..visit(4, 1) }]);
    assert_eq!(kinds(&findings), ["recursion"]);
    let finding = &findings[0];
    assert_eq!((finding.affected, finding.invocations), (3, 4));
    assert_eq!((value(finding, "highest visit"), value(finding, "highest hop")), (3.0, 4.0));
    assert_eq!((value(finding, "blocked"), value(finding, "tripped")), (1.0, 1.0));
    assert_eq!(examples(finding), ["request-1", "request-2", "request-3"]);
    // Three invocations of 0.1 s at 1 GB.
    let cost = finding.cost.unwrap();
    assert!((cost.gb_seconds - 0.3).abs() < 1e-12 && (cost.usd - 0.3 * 0.000_016_666_7).abs() < 1e-15);
    let meant = Thresholds { recursion_visits: 4, ..Thresholds::default() };
    assert!(found_with(meant, &[visit(2, 2), visit(4, 3)]).is_empty(), "a recursion that is meant");
}

#[test]
fn a_function_that_waits_for_another_is_found_at_the_first_invoke() {
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:invoice:live";
    let calls = in_a_row(&[("Invoke", "payment", 60), ("Invoke", arn, 20)]);
    let once = Invoked { calls: calls[..1].to_vec(), handler_ms: 100, ..Invoked::default() };
    let findings = found(&[Invoked { handler_ms: 100, ..Invoked::default() }, once.clone()]);
    assert_eq!(kinds(&findings), ["sync-invoke"]);
    assert_eq!((findings[0].affected, findings[0].invocations), (1, 2));
    assert_eq!(findings[0].cost.unwrap().ns, 60 * MS);
    assert_eq!(value(&findings[0], "time waited for them, of what is paid"), 30.0);
    let both = Invoked { calls, handler_ms: 100, ..Invoked::default() };
    let findings = found(&[once, both]);
    assert_eq!(findings[0].evidence[0].names, ["invoice", "payment"]);
    assert_eq!(findings[0].evidence[0].value, 3.0);
    assert_eq!(value(&findings[0], "invokes whose own price is estimated"), 3.0);
    // What it cost most stands first.
    assert_eq!(examples(&findings[0]), ["request-1", "request-0"]);
}

#[test]
fn serial_calls_are_found_by_their_share_and_their_length() {
    let run = |first, second, handler_ms| Invoked {
        calls: in_a_row(&[("GetObject", "in", first), ("PutObject", "out", second)]),
        handler_ms,
        ..Invoked::default()
    };
    let cases = [
        ("a tenth and ten milliseconds", run(50, 10, 100), true),
        ("less than ten milliseconds", run(50, 9, 60), false),
        ("less than a tenth", run(50, 19, 200), false),
        ("alone", Invoked { calls: in_a_row(&[("GetObject", "in", 90)]), ..run(0, 0, 100) }, false),
    ];
    for (name, invoked, expected) in cases {
        assert_eq!(kinds(&found(&[invoked])) == ["serial-wait"], expected, "{name}");
    }
    let rare = [run(50, 10, 100), Invoked { handler_ms: 100, ..Invoked::default() }];
    assert!(found(&rare).is_empty(), "over the window it is a twentieth");
    let findings = found(&[run(50, 10, 100), run(80, 40, 120)]);
    let finding = &findings[0];
    assert_eq!(finding.cost.unwrap().ns, 50 * MS);
    assert_eq!(value(finding, "saving at the most, by an invocation"), 25.0);
    assert!((value(finding, "saving at the most, of what is paid") - 50.0 / 220.0 * 100.0).abs() < 1e-9);
    assert_eq!(finding.evidence[2].names, ["S3.GetObject in", "S3.PutObject out"]);
}

//! The story for people: plain words, aligned columns, 80 of them at most.

use std::collections::BTreeMap;

use crate::{
    event::{Costs, Event, Scene},
    paint::Paint,
};

/// How much of a tag or a body is shown: what 80 columns leave beside the label.
const FACT_CHARS: usize = 56;

/// An event as lines; none where it is for machines only.
pub(crate) fn lines(event: &Event, paint: Paint) -> Vec<String> {
    match event {
        Event::Opening { max_visits } => opening(*max_visits, paint),
        Event::SceneStarted { scene } => scene_started(*scene, paint),
        Event::Hop { at_s, function, carrier, hop, visits, .. } => {
            vec![row(*at_s, function, *carrier, *hop, *visits)]
        }
        Event::Blocked { at_s, function, carrier, hop, visits, .. } => {
            let row = row(*at_s, function, *carrier, *hop, *visits);
            vec![format!("{row}  {}", paint.bad("BLOCKED"))]
        }
        Event::Tripped { at_s, function, .. } => {
            let tripped = paint.bad("TRIPPED: its reserved concurrency is now 0");
            vec![format!("   {at_s:>7.3}  {function:<10} {tripped}"), String::new()]
        }
        Event::Runs { function, runs, .. } => {
            vec![fact(&format!("{function} ran"), &paint.good(&format!("{runs} times")))]
        }
        Event::Watched { watched_s, last_at_s, .. } => {
            let quiet = format!("nothing, from second {last_at_s:.1} to second {watched_s:.1}");
            vec![fact("then", &quiet)]
        }
        Event::ReservedConcurrency { function, reserved, .. } => {
            let said = match reserved {
                Some(reserved) => paint.good(&format!("reserved concurrency of {function} is {reserved}")),
                None => format!("nothing is reserved for {function}"),
            };
            vec![fact("Lambda reports", &said)]
        }
        Event::Tags { function, tags, .. } => tagged(function, tags),
        Event::Quarantined { body, object, .. } => {
            let said = object.as_ref().map(|key| format!("the notification of {key}"));
            vec![fact("in quarantine", &shortened(said.as_ref().unwrap_or(body)))]
        }
        Event::Objects { first, written, .. } => {
            vec![fact("bucket holds", &format!("{first} uploaded and {written} written objects"))]
        }
        Event::Command { command, output, .. } => {
            let prompt = paint.good(&format!("   $ {command}"));
            [String::new(), prompt].into_iter().chain(output.iter().cloned()).collect()
        }
        Event::Unguarded { watched_s, invocations, per_hour, guarded_invocations, .. } => {
            let (ran, rate) = (grouped(*invocations), grouped(*per_hour));
            vec![
                String::new(),
                fact("with the guard", &paint.good(&format!("{guarded_invocations} invocations, then none"))),
                fact("without it", &paint.bad(&format!("{ran} invocations in {watched_s:.1} s, and no end"))),
                fact("at that rate", &format!("{rate} an hour, from one message, on this machine")),
                fact("stopped by hand", "by reserved concurrency 0, the console's Throttle"),
            ]
        }
        Event::Costs(costs) => vec![cost_row(costs, paint)],
        Event::Priced { usd_per_gb_second, usd_per_request, source, date } => {
            priced(*usd_per_gb_second, *usd_per_request, source, date)
        }
        Event::Reported { page } => vec![String::new(), fact("the whole report", &paint.good(page))],
        Event::LeftOut { why, .. } => vec![String::new(), fact("left out", &shortened(why))],
        Event::Check { met: true, .. } => Vec::new(),
        Event::Check { what, expected, found, .. } => vec![
            paint.bad(&format!("   NOT AS EXPECTED: {what}")),
            format!("     expected {expected}"),
            format!("     found    {found}"),
        ],
        Event::Closing { checks, unmet: 0 } => {
            vec![String::new(), paint.good(&format!("All {checks} checks of what you saw were met."))]
        }
        Event::Closing { checks, unmet } => {
            vec![String::new(), paint.bad(&format!("{unmet} of {checks} checks were not met, see above."))]
        }
    }
}

fn opening(max_visits: u64, paint: Paint) -> Vec<String> {
    vec![
        paint.headline("hopguard: runaway Lambda loops, cut for real"),
        String::new(),
        "The functions run on a local Lambda cloud: no AWS account, no cost. Each loop".to_owned(),
        "starts with one message or object, and would never end. AWS's own detection is".to_owned(),
        format!(
            "off (RecursiveLoop=Allow). HOPGUARD_MAX_VISITS={max_visits} lets each function run {max_visits} times"
        ),
        "on one path; the next visit is blocked, and the function is tripped.".to_owned(),
    ]
}

fn scene_started(scene: Scene, paint: Paint) -> Vec<String> {
    let (title, picture, explanation) = match scene {
        Scene::Messages => (
            "1. Two functions feed each other through SQS",
            "queue orders -> [order] -> queue invoices -> [invoice] -> queue orders -> ...",
            "Each sends one message for each that it gets, with the lineage beside it.",
        ),
        Scene::Objects => (
            "2. A function writes into the bucket that triggers it",
            "bucket photos -> [thumbnail] -> bucket photos -> ...",
            "The notification carries no metadata: hopguard looks the object up.",
        ),
        Scene::OnCall => (
            "3. The person on call",
            "What is at 0, why, what waits, and what resuming would do; then it is done.",
            "Nothing circles any more: what was blocked is in quarantine.",
        ),
        Scene::Unguarded => (
            "4. The first loop again, without hopguard",
            "queue orders -> [order] -> queue invoices -> [invoice] -> queue orders -> ...",
            "Same queues, same message, the same number of seconds.",
        ),
        Scene::Waits => (
            "5. What waiting costs: the same shop, in designs that wait and in better ones",
            "Python functions of 1 GB under the layer; none of them mentions hopguard.",
            "Work takes known times. One request, the mean of five:",
        ),
    };
    let mut lines = vec![String::new(), paint.headline(title), String::new()];
    lines.extend([format!("   {picture}"), format!("   {explanation}")]);
    if scene == Scene::Waits {
        let head =
            format!("   {:<30} {:>6} {:>14} {:>7}  {}", "", "paid s", "waiting s", "USD/M", "hopguard finds");
        lines.extend([String::new(), paint.faint(&head)]);
    } else if matches!(scene, Scene::Messages | Scene::Objects) {
        let (function, carrier) = ("function", "carrier");
        let head = format!("   seconds  {function:<10} {carrier:<20} hop  visits");
        lines.extend([String::new(), paint.faint(&head)]);
    }
    lines
}

fn cost_row(costs: &Costs, paint: Paint) -> String {
    let Costs { design, functions, paid_s, wait_s, usd_per_million, findings, .. } = costs;
    if *functions == 0 {
        return format!("   {design:<30} {:>6} {:>14} {:>7}  {}", "-", "-", "-", "no function waits");
    }
    let share = if *paid_s > 0.0 { wait_s / paid_s * 100.0 } else { 0.0 };
    let waiting = format!("{:>14}", format!("{wait_s:.3}  {share:>3.0} %"));
    let (waiting, found) = match findings.as_slice() {
        [] => (waiting, paint.good("nothing")),
        [only] => (paint.bad(&waiting), paint.bad(only)),
        [first, rest @ ..] => (paint.bad(&waiting), paint.bad(&format!("{first} +{}", rest.len()))),
    };
    format!("   {design:<30} {paid_s:>6.3} {waiting} {usd_per_million:>7.2}  {found}")
}

fn priced(usd_per_gb_second: f64, usd_per_request: f64, source: &str, date: &str) -> Vec<String> {
    let dated = if date.is_empty() { String::new() } else { format!(", {date}") };
    vec![
        String::new(),
        fact("USD/M", "a million requests: seconds x GB x price, and requests"),
        fact(
            "price",
            &format!("{usd_per_gb_second} USD a GB-second, {:.2} a million requests", usd_per_request * 1e6),
        ),
        fact("", &shortened(&format!("{source}{dated}"))),
        fact("checkout", "its steps cost the same in both and are left out;"),
        fact("", "what Step Functions itself bills is not in it"),
    ]
}

fn row(at_s: f64, function: &str, carrier: Option<&str>, hop: u64, visits: u64) -> String {
    let carrier = carrier.unwrap_or("none: a new chain");
    format!("   {at_s:>7.3}  {function:<10} {carrier:<20} {hop:>3}  {visits:>6}")
}

fn tagged(function: &str, tags: &BTreeMap<String, String>) -> Vec<String> {
    let mut lines = vec![fact("tags left", &format!("on {function}, for whoever resumes it"))];
    lines.extend(tags.iter().map(|(key, value)| {
        let key = key.strip_prefix("hopguard:").unwrap_or(key);
        fact(&format!("  {key}"), &shortened(value))
    }));
    lines
}

fn fact(label: &str, text: &str) -> String {
    format!("   {label:<20} {text}")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= FACT_CHARS {
        return text.to_owned();
    }
    text.chars().take(FACT_CHARS.saturating_sub(3)).chain("...".chars()).collect()
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_fits_eighty_columns() {
        let scene = Scene::Objects;
        let function = || "thumbnail".to_owned();
        let chain = || "5f".repeat(16);
        let carrier = Some("message attributes");
        let (at_s, hop, visits) = (1_234.567, 100, 10_000);
        let (reason, limit, prior) = ("visits".to_owned(), "visit 6".to_owned(), "unreserved".to_owned());
        let tags = BTreeMap::from([("hopguard:prior-concurrency".to_owned(), "x".repeat(256))]);
        let events = [
            Event::Opening { max_visits: 5 },
            Event::SceneStarted { scene: Scene::Messages },
            Event::SceneStarted { scene },
            Event::SceneStarted { scene: Scene::OnCall },
            Event::Command {
                scene: Scene::OnCall,
                command: "hopguard resume order thumbnail --yes".to_owned(),
                output: vec!["x".repeat(80)],
            },
            Event::SceneStarted { scene: Scene::Unguarded },
            Event::SceneStarted { scene: Scene::Waits },
            Event::Costs(Costs {
                design: "checkout: by Step Functions".to_owned(),
                functions: 3,
                memory_mb: Some(1_024),
                paid_s: 12.345,
                wait_s: 12.345,
                saving_s: 0.0,
                usd_per_million: 1_234.56,
                wait_usd_per_million: 1_234.0,
                findings: ["orchestrator", "serial-wait", "sync-invoke"].map(str::to_owned).into(),
            }),
            Event::Priced {
                usd_per_gb_second: 0.000_016_666_7,
                usd_per_request: 0.000_000_2,
                source: "s".repeat(100),
                date: "2026-11-01".to_owned(),
            },
            Event::Reported { page: "target/demo/report.html".to_owned() },
            Event::LeftOut { scene, why: "w".repeat(100) },
            Event::Hop { scene, at_s, function: function(), carrier, hop, visits, chain: chain() },
            Event::Blocked {
                scene,
                at_s,
                function: function(),
                carrier,
                hop,
                visits,
                chain: chain(),
                reason,
                limit,
            },
            Event::Tripped { scene, at_s, function: function(), prior, chain: chain() },
            Event::Runs { scene, function: function(), runs: 5 },
            Event::Watched { scene, watched_s: 60.0, last_at_s: 59.9 },
            Event::ReservedConcurrency { scene, function: function(), reserved: Some(0) },
            Event::ReservedConcurrency { scene, function: function(), reserved: None },
            Event::Tags { scene, function: function(), tags },
            Event::Quarantined { scene, body: "ä".repeat(1_000), object: None },
            Event::Quarantined { scene, body: String::new(), object: Some("k".repeat(1_000)) },
            Event::Objects { scene, first: 1, written: 5 },
            Event::Unguarded {
                scene,
                watched_s: 60.0,
                invocations: 9_999_999,
                per_hour: 999_999_999,
                guarded_invocations: 11,
            },
            Event::Closing { checks: 20, unmet: 0 },
            Event::Closing { checks: 20, unmet: 3 },
        ];
        for event in events {
            for line in lines(&event, Paint::plain()) {
                assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
            }
        }
    }

    #[test]
    fn a_check_is_shown_where_it_was_not_met() {
        let check = |met| Event::Check {
            scene: Scene::Messages,
            what: "runs of order".to_owned(),
            expected: "5".to_owned(),
            found: "6".to_owned(),
            met,
        };
        assert_eq!(lines(&check(true), Paint::plain()), Vec::<String>::new());
        let shown = lines(&check(false), Paint::plain()).join("\n");
        assert_eq!(shown, "   NOT AS EXPECTED: runs of order\n     expected 5\n     found    6");
    }

    #[test]
    fn groups_digits() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}

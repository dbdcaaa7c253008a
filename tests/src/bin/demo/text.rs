//! The story for people: plain words, aligned columns, 80 of them at most.

use std::collections::BTreeMap;

use crate::{
    event::{Event, Scene},
    paint::Paint,
};

/// How much of a quarantined body is shown.
const BODY_CHARS: usize = 54;

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
            vec![format!(
                "   {at_s:>7.3}  {function:<10} {}",
                paint.bad("TRIPPED: its reserved concurrency is now 0")
            )]
        }
        Event::Runs { watched_s, last_at_s, runs, .. } => {
            let quiet = format!("nothing since second {last_at_s:.1} (watched for {watched_s:.1} s)");
            let runs =
                runs.iter().map(|(function, runs)| format!("{function} {runs} times")).collect::<Vec<_>>();
            vec![String::new(), fact("handlers ran", &paint.good(&runs.join(", "))), fact("", &quiet)]
        }
        Event::ReservedConcurrency { functions, .. } => concurrency(functions, paint),
        Event::Tags { function, tags, .. } => tagged(function, tags),
        Event::Quarantine { bodies, .. } => quarantine(bodies),
        Event::Objects { first, written, .. } => {
            vec![fact("bucket holds", &format!("{first} uploaded and {written} written objects"))]
        }
        Event::Unguarded { watched_s, invocations, per_hour, guarded_invocations, .. } => vec![
            String::new(),
            fact(
                "without guard",
                &paint.bad(&format!(
                    "{} invocations in {watched_s:.1} s, and it goes on",
                    grouped(*invocations)
                )),
            ),
            fact("with guard", &paint.good(&format!("{guarded_invocations} invocations, then none"))),
            fact(
                "at that rate",
                &format!("{} an hour, from one message, on this machine", grouped(*per_hour)),
            ),
            fact("stopped by hand", "reserved concurrency 0, as the console's Throttle button does"),
        ],
        Event::Check { met: true, .. } => Vec::new(),
        Event::Check { what, expected, found, .. } => {
            vec![
                paint.bad(&format!("   NOT AS EXPECTED: {what}")),
                format!("     expected {expected}"),
                format!("     found    {found}"),
            ]
        }
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
    let (title, picture, explanation): (_, _, &[&str]) = match scene {
        Scene::Messages => (
            "1. Two functions feed each other through SQS",
            "queue orders -> [order] -> queue invoices -> [invoice] -> queue orders -> ...",
            &["Each sends one message for each that it gets, with the lineage beside it."],
        ),
        Scene::Objects => (
            "2. A function writes into the bucket that triggers it",
            "bucket photos -> [thumbnail] -> bucket photos -> ...",
            &["The notification carries no metadata: hopguard looks the object up."],
        ),
        Scene::Unguarded => (
            "3. The first loop again, without hopguard",
            "queue orders -> [order] -> queue invoices -> [invoice] -> queue orders -> ...",
            &["Same queues, same message, the same number of seconds."],
        ),
    };
    let mut lines = vec![String::new(), paint.headline(title), String::new(), format!("   {picture}")];
    lines.extend(explanation.iter().map(|line| format!("   {line}")));
    if scene != Scene::Unguarded {
        let head = format!(
            "   {:>7}  {:<10} {:<20} {:>3}  {:>6}",
            "seconds", "function", "carrier", "hop", "visits"
        );
        lines.extend([String::new(), paint.faint(&head)]);
    }
    lines
}

fn row(at_s: f64, function: &str, carrier: Option<&str>, hop: u64, visits: u64) -> String {
    format!(
        "   {at_s:>7.3}  {function:<10} {:<20} {hop:>3}  {visits:>6}",
        carrier.unwrap_or("none: a new chain")
    )
}

fn concurrency(functions: &BTreeMap<String, Option<i32>>, paint: Paint) -> Vec<String> {
    let said = functions.iter().map(|(function, reserved)| match reserved {
        Some(reserved) => paint.good(&format!("{function}: reserved concurrency {reserved}")),
        None => format!("{function}: nothing reserved"),
    });
    said.enumerate()
        .map(|(index, said)| fact(if index == 0 { "Lambda reports" } else { "" }, &said))
        .collect()
}

fn tagged(function: &str, tags: &BTreeMap<String, String>) -> Vec<String> {
    let label = format!("tags of {function}");
    let lines = tags.iter().enumerate().map(|(index, (key, value))| {
        let label = if index == 0 { label.as_str() } else { "" };
        let key = key.strip_prefix("hopguard:").unwrap_or(key);
        fact(label, &format!("{key:<18} {}", shortened(value, 38)))
    });
    lines.collect()
}

fn quarantine(bodies: &[String]) -> Vec<String> {
    let count = match bodies.len() {
        1 => "1 message, its body intact:".to_owned(),
        count => format!("{count} messages:"),
    };
    let mut lines = vec![fact("quarantine", &count)];
    lines.extend(bodies.iter().map(|body| fact("", &shortened(body, BODY_CHARS))));
    lines
}

fn fact(label: &str, text: &str) -> String {
    format!("   {label:<18} {text}")
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(3)).chain("...".chars()).collect()
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<V: Clone>(entries: &[(&str, V)]) -> BTreeMap<String, V> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    #[test]
    fn every_line_fits_eighty_columns() {
        let scene = Scene::Objects;
        let (function, chain, carrier) =
            ("thumbnail".to_owned(), "5f".repeat(16), Some("message attributes"));
        let (reason, limit, prior) = ("visits".to_owned(), "visit 6".to_owned(), "unreserved".to_owned());
        let (at_s, hop, visits) = (1_234.567, 100, 10_000);
        let events = [
            Event::Opening { max_visits: 5 },
            Event::SceneStarted { scene: Scene::Messages },
            Event::SceneStarted { scene },
            Event::SceneStarted { scene: Scene::Unguarded },
            Event::Hop {
                scene,
                at_s,
                function: function.clone(),
                carrier,
                hop,
                visits,
                chain: chain.clone(),
            },
            Event::Blocked {
                scene,
                at_s,
                function: function.clone(),
                carrier,
                hop,
                visits,
                chain: chain.clone(),
                reason,
                limit,
            },
            Event::Tripped { scene, at_s, function: function.clone(), prior, chain: chain.clone() },
            Event::Runs {
                scene,
                watched_s: 60.0,
                last_at_s: 59.9,
                runs: map(&[("order", 5), ("invoice", 5)]),
            },
            Event::ReservedConcurrency { scene, functions: map(&[("order", Some(0)), ("invoice", None)]) },
            Event::Tags { scene, function, tags: map(&[("hopguard:prior-concurrency", "x".repeat(256))]) },
            Event::Quarantine { scene, bodies: vec!["ä".repeat(1_000)] },
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

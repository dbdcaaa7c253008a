use std::time::{Duration, SystemTime};

use super::model::{FunctionStatus, Guard, Messages, State, Status, Surroundings};
use crate::format;
use crate::page::{BOLD, Cell, DIM, GREEN, PLAIN, Page, RED, Table, YELLOW};

/// Where the second column of a function's lines begins.
const COLUMN: usize = 15;

/// The whole answer.
pub(super) fn render(status: &Status, width: usize, now: SystemTime) -> String {
    let mut page = Page::new(width);
    let (close, rest): (Vec<_>, Vec<_>) =
        status.functions.iter().partition(|function| function.surroundings.is_some());
    for (place, function) in close.iter().enumerate() {
        if place > 0 {
            page.line("");
        }
        describe(&mut page, function, now);
    }
    if !rest.is_empty() {
        if !close.is_empty() {
            page.line("");
        }
        list(&mut page, &rest, width);
    }
    if let Some(listed) = status.listed {
        let stopped = status.functions.iter().filter(|function| function.state.is_stopped()).count();
        let region = status.region.as_deref().unwrap_or("this Region");
        page.line("");
        page.words(
            &format!(
                "{} in {region}: {} with hopguard's layer or settings, {stopped} of them stopped or on probation.",
                format::counted(listed as u64, "function", "functions"),
                status.functions.iter().filter(|function| function.guard != Guard::Unseen).count(),
            ),
            0,
            DIM,
        );
    }
    page.into_text()
}

fn describe(page: &mut Page, function: &FunctionStatus, now: SystemTime) {
    let (style, words) = words(function, now);
    page.line(&format!("{BOLD}{}{BOLD:#}  {style}{words}{style:#}", function.function));
    if let Some(trip) = &function.trip {
        item(page, "because", &trip.reason, PLAIN);
        match &trip.chain {
            Some(chain) => item(page, "chain", &format!("{chain}, which is the trace id of its root"), PLAIN),
            None => item(page, "chain", "none", PLAIN),
        }
        item(page, "before", &before(trip.prior.as_deref()), PLAIN);
    }
    if let Some(surroundings) = &function.surroundings {
        waiting(page, surroundings, function.state);
    }
    if let Some(at) = function.trip.as_ref().and_then(|trip| trip.resumes)
        && function.state == State::Tripped
    {
        cooldown(page, at, now);
    }
    if function.trip.is_some() || function.state.is_stopped() {
        item(page, "resume", &format!("hopguard resume {} {}", function.function, function.resume), PLAIN);
    }
    for unknown in &function.unknown {
        item(page, "not known", unknown, YELLOW);
    }
}

/// When it is resumed by itself, or why it is not.
fn cooldown(page: &mut Page, at: SystemTime, now: SystemTime) {
    let (left, late) = (at.duration_since(now), now.duration_since(at).unwrap_or_default());
    let at = utc(&jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string());
    match left {
        Ok(left) => {
            let text = format!("resumes by itself at {at}, in {}", format::elapsed(left));
            item(page, "cooldown", &text, PLAIN);
        }
        // Scheduler acts within a minute.
        Err(_) if late < Duration::from_secs(60) => {
            item(page, "cooldown", &format!("resumes by itself at any moment: it is past {at}"), PLAIN);
        }
        Err(_) => {
            let text = format!(
                "was to be resumed at {at}, and is at 0: see whether HOPGUARD_COOLDOWN_ROLE may do it, in docs/permissions.md"
            );
            item(page, "cooldown", &text, RED);
        }
    }
}

fn utc(timestamp: &str) -> String {
    format!("{} UTC", timestamp.trim_end_matches('Z').replace('T', " "))
}

/// What was reserved before the trip.
fn before(prior: Option<&str>) -> String {
    match prior {
        Some("unreserved") => "nothing reserved".to_owned(),
        Some("unknown") => "not known: it was not readable".to_owned(),
        Some(number) => format!("{number} reserved"),
        None => "not known: it is not in the tags".to_owned(),
    }
}

fn words(function: &FunctionStatus, now: SystemTime) -> (anstyle::Style, String) {
    let ago = |when: SystemTime| now.duration_since(when).unwrap_or_default();
    let since = function.trip.as_ref().map_or_else(String::new, |trip| {
        format!(" since {}, {} ago", utc(&trip.at), format::elapsed(ago(trip.when)))
    });
    let reserved = function.reserved_concurrency;
    match function.state {
        State::Tripped => (RED, format!("TRIPPED: at 0{since}")),
        State::Throttled => {
            (RED, "at 0, and not by hopguard: the console's Throttle, or a deployment".to_owned())
        }
        State::Probing => (YELLOW, format!("on probation: at 1, tripped{since}")),
        State::Admitting => {
            let reserved =
                reserved.map_or_else(|| "nothing reserved".to_owned(), |some| format!("{some} reserved"));
            (GREEN, format!("admitting, {reserved}, {}", guarded(function)))
        }
    }
}

fn guarded(function: &FunctionStatus) -> String {
    match function.guard {
        Guard::Layer => format!("layer attached, at most {} visits", function.max_visits),
        Guard::Settings => format!("settings of hopguard, at most {} visits", function.max_visits),
        Guard::Unseen => "no layer and no settings seen".to_owned(),
    }
}

fn waiting(page: &mut Page, surroundings: &Surroundings, state: State) {
    let stopped = matches!(state, State::Tripped | State::Throttled);
    for source in &surroundings.sources {
        let name = source.arn.rsplit(':').next().unwrap_or(&source.arn);
        let alias = source.alias.as_ref().map_or_else(String::new, |alias| format!(" (to {alias})"));
        let what = source.messages.as_ref().map_or_else(|| "a stream".to_owned(), messages);
        let kept = match (&source.messages, stopped) {
            (Some(Messages { dead_letters: Some(_), .. }), true) => {
                "; may move to its dead-letter queue meanwhile"
            }
            (Some(_), true) => "; they stay there",
            (None, true) => "; records stay until their retention ends",
            (_, false) => "",
        };
        let off = if source.enabled { "" } else { "; the mapping is disabled" };
        item(page, "waiting", &format!("{name}{alias}: {what}{kept}{off}"), PLAIN);
    }
    let asynchronous = &surroundings.asynchronous;
    let from = if asynchronous.triggers.is_empty() {
        String::new()
    } else {
        format!(" from {}", asynchronous.triggers.join(", "))
    };
    match (asynchronous.lost, &asynchronous.kept_in) {
        (Some(true), _) if stopped => {
            let text = format!(
                "LOST{from} until it is resumed: there is neither an on-failure destination nor a dead-letter queue"
            );
            item(page, "async events", &text, RED);
        }
        (Some(true), _) => {
            let text =
                format!("lost{from} while it is at 0: it has neither destination nor dead-letter queue");
            item(page, "async events", &text, YELLOW);
        }
        (Some(false), Some(target)) => {
            let now = if stopped { "go" } else { "would go" };
            item(page, "async events", &format!("{now} to {target}"), PLAIN);
        }
        _ => {}
    }
    if let Some(quarantine) = &surroundings.quarantine {
        let style = if quarantine.visible > 0 { YELLOW } else { PLAIN };
        item(page, "quarantine", &format!("{} in {}", messages(quarantine), quarantine.queue), style);
    }
}

fn messages(messages: &Messages) -> String {
    let mut text = format::counted(messages.visible, "message", "messages");
    for (number, what) in [(messages.in_flight, "in flight"), (messages.delayed, "delayed")] {
        if number > 0 {
            text.push_str(&format!(", {} {what}", format::count(number)));
        }
    }
    text
}

/// A line of a function: what it is about, and the words, broken where they are long.
fn item(page: &mut Page, label: &str, text: &str, style: anstyle::Style) {
    let mut words = Page::new(page.width);
    words.words(text, COLUMN, style);
    let words = words.into_text();
    for (place, line) in words.lines().enumerate() {
        if place == 0 {
            let rest = line.get(COLUMN..).unwrap_or_default();
            page.line(&format!("  {DIM}{label:<width$}{DIM:#}{rest}", width = COLUMN - 2));
        } else {
            page.line(line);
        }
    }
}

fn list(page: &mut Page, functions: &[&FunctionStatus], width: usize) {
    let mut table = Table::default();
    let head = |text: &str| Cell::new(text, DIM);
    table.row(["function", "state", "reserved", "visits at most"].map(head));
    for function in functions {
        let reserved = function.reserved_concurrency.map_or_else(|| "–".to_owned(), |some| some.to_string());
        table.row([
            function.function.clone().into(),
            Cell::new("admitting", GREEN),
            reserved.into(),
            function.max_visits.to_string().into(),
        ]);
    }
    for line in table.lines(width) {
        page.line(&line);
    }
}

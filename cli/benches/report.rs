//! What a report of 100,000 spans takes, as ratios to parsing the same input with serde_json into its `Value`, measured in turns.
//!
//! `cargo bench -p hopguard-cli` prints the table.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "it prints, and may stop")]
#![allow(
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "nobody links a benchmark"
)]

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::hint::black_box;
use std::time::Instant;

use hopguard_cli::report::{Format, render, report_of};
use kit::{Run, Spans};

/// Few, since each takes about a second.
const ROUNDS: usize = 7;

type Work<'w> = Box<dyn FnMut() + 'w>;

fn main() {
    let input = input();
    let report = report_of(&mut input.as_bytes()).expect("it is readable");
    println!(
        "{} spans, {:.1} MB, median of {ROUNDS} rounds (minimum)\n",
        report.input.spans,
        input.len() as f64 / 1e6
    );
    let mut cases: [(&str, Work<'_>); 5] = [
        ("serde_json into Value (reference)", Box::new(|| parse(&input))),
        ("read, put together and analyse", Box::new(|| drop(black_box(report_of(&mut input.as_bytes()))))),
        ("page", Box::new(|| drop(black_box(render(&report, Format::Html))))),
        ("text", Box::new(|| drop(black_box(render(&report, Format::Text))))),
        ("JSON", Box::new(|| drop(black_box(render(&report, Format::Json))))),
    ];
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for ((_, work), times) in cases.iter_mut().zip(&mut times) {
            let start = Instant::now();
            work();
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let figures: Vec<(f64, f64)> = times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            (times[times.len() / 2], times[0])
        })
        .collect();
    let (median, minimum) = figures[0];
    println!("{:<36}{:>10}{:>18}", "case", "ms", "x reference");
    for ((name, _), (own, least)) in cases.iter().zip(&figures) {
        println!("{name:<36}{:>10.1}{:>9.3} ({:.3})", own * 1e3, own / median, least / minimum);
    }
    let pages = [("page", Format::Html), ("text", Format::Text), ("JSON", Format::Json)];
    println!();
    for (name, form) in pages {
        println!("{name:<36}{:>10.2} MB", render(&report, form).len() as f64 / 1e6);
    }
}

fn parse(input: &str) {
    for line in input.lines() {
        drop(black_box(serde_json::from_str::<serde_json::Value>(line)));
    }
}

/// 20,000 chains of two functions.
fn input() -> String {
    let mut text = String::new();
    for part in 0..100_u32 {
        let mut spans = Spans::starting_at(u64::from(part) * 1_000);
        for chain in part * 200..part * 200 + 200 {
            let at = f64::from(chain) * 3.0;
            let run =
                spans.run(Run::new(&format!("f{}", chain % 40), "sqs", u128::from(chain) + 1, at, 90.0));
            spans.call(&run, "DynamoDB.GetItem", "t", at + 5.0, at + 30.0);
            spans.call(&run, "DynamoDB.PutItem", "t", at + 31.0, at + 50.0);
            let sent = spans.call(&run, "SQS.SendMessage", "q", at + 51.0, at + 60.0);
            spans.run(
                Run::new(&format!("g{}", chain % 40), "sqs", u128::from(chain) + 1, at + 70.0, 8.0)
                    .sent_by(&sent, 1, 1),
            );
        }
        text.push_str(&spans.lines());
    }
    text
}

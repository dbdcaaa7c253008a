//! A table of ratios, for every benchmark of the workspace.

use crate::instructions;
use crate::measure::{self, Times, Work};

pub enum Target {
    /// At most this part of the reference.
    Share(f64),
    /// At most so many times the reference.
    Times(f64),
    /// At most so long.
    Nanos(f64),
    /// For information.
    None,
}

pub struct Case {
    pub name: &'static str,
    pub target: Target,
    pub subject: Work,
    pub reference: Work,
}

/// Measures what the arguments name, and prints it.
pub fn run(mut all: Vec<Case>) {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, name, side, times] = &arguments[..]
        && flag == instructions::FLAG
    {
        return instructions::child(&mut all, name, side, times.parse().expect("a number"));
    }
    let filter = arguments.first().map_or("", String::as_str);
    println!(
        "\n{:<42} {:>11} {:>11} {:>11} {:>8} {:>8}  {:<8} result",
        "case", "median", "minimum", "reference", "ratio", "min", "target"
    );
    for case in all.iter_mut().filter(|case| case.name.contains(filter)) {
        row(case);
    }
    println!("\nratio: medians; min: minima; a target is missed when both miss it.");
    instructions::table(&all, filter);
}

fn row(case: &mut Case) {
    let (own, reference) = measure::interleaved(&mut case.subject, &mut case.reference);
    let ratio = own.median / reference.median;
    let least = own.minimum / reference.minimum;
    let (target, met) = match case.target {
        Target::Share(parts) => (format!("1/{parts}"), Some(ratio <= 1.0 / parts || least <= 1.0 / parts)),
        Target::Times(times) => (format!("{times}x"), Some(ratio <= times || least <= times)),
        Target::Nanos(nanos) => (format!("{nanos} ns"), Some(own.median <= nanos || own.minimum <= nanos)),
        Target::None => ("-".to_owned(), None),
    };
    let shown =
        |ratio: f64| if ratio < 1.0 { format!("1/{:.1}", 1.0 / ratio) } else { format!("{ratio:.2}x") };
    let result = met.map_or("", |met| if met { "met" } else { "missed" });
    let Times { median, minimum } = own;
    println!(
        "{:<42} {:>11} {:>11} {:>11} {:>8} {:>8}  {target:<8} {result}",
        case.name,
        nanos(median),
        nanos(minimum),
        nanos(reference.median),
        shown(ratio),
        shown(least),
    );
}

fn nanos(nanos: f64) -> String {
    match nanos {
        small if small < 10_000.0 => format!("{small:.0} ns"),
        middle if middle < 10_000_000.0 => format!("{:.1} µs", middle / 1e3),
        large => format!("{:.1} ms", large / 1e6),
    }
}

use std::process::Command;

use crate::table::Case;

/// Starts this program as the one that valgrind counts.
pub const FLAG: &str = "--count";

/// Runs one side of one case so many times.
pub fn child(cases: &mut [Case], name: &str, side: &str, times: u32) {
    let case = cases.iter_mut().find(|case| case.name == name).expect("a case of that name");
    let work = if side == "own" { &mut case.subject } else { &mut case.reference };
    (0..times).for_each(|_| work());
}

/// Prints instructions per call, as callgrind counts them: the same on every run, whatever else the machine does.
pub fn table(cases: &[Case], filter: &str) {
    let has_valgrind =
        Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_valgrind {
        println!("\nvalgrind is not on the PATH: no instruction counts.");
        return;
    }
    println!("\n{:<42} {:>14} {:>14} {:>9}", "instructions per call", "hopguard", "reference", "ratio");
    for case in cases.iter().filter(|case| case.name.contains(filter)) {
        match (count(case.name, "own"), count(case.name, "reference")) {
            (Some(own), Some(reference)) => {
                let ratio = own / reference;
                let shown =
                    if ratio < 1.0 { format!("1/{:.1}", 1.0 / ratio) } else { format!("{ratio:.2}x") };
                println!("{:<42} {own:>14.0} {reference:>14.0} {shown:>9}", case.name);
            }
            _ => println!("{:<42} {:>14}", case.name, "not counted"),
        }
    }
}

/// The difference between two runs is what the calls cost, without start and preparation.
fn count(name: &str, side: &str) -> Option<f64> {
    const FEW: u32 = 2;
    const MANY: u32 = 12;
    let few = collected(name, side, FEW)?;
    let many = collected(name, side, MANY)?;
    Some((many - few) / f64::from(MANY - FEW))
}

fn collected(name: &str, side: &str, times: u32) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([FLAG, name, side, &times.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, figure) = report.lines().find_map(|line| line.split_once("Collected :"))?;
    figure.trim().parse().ok()
}

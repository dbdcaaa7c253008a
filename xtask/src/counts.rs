//! How many tests ran, as test runners say it in their last lines.

use std::ops::AddAssign;

/// Tests by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Marked `#[ignore]`, or left out by a filter.
    pub(crate) skipped: u64,
}

impl Counts {
    /// Reads the last lines of nextest (`Summary`), libtest (`test result`), unittest (`Ran`, `FAILED`) and Node.js's runner
    /// (`pass`, `fail`); any other line counts nothing. nextest shows what libtest said of a test that failed, indented: it counts itself.
    pub(crate) fn of_line(line: &str) -> Self {
        let line = plain(line);
        if let Some(result) = line.strip_prefix("test result: ") {
            return result.split_once(". ").map_or_else(Self::default, |(_, counts)| Self::read(counts, ';'));
        }
        let line = line.trim_start();
        if line.starts_with("Summary [") {
            line.split_once(" run: ").map_or_else(Self::default, |(_, counts)| Self::read(counts, ','))
        } else {
            Self::of_unittest(line).or_else(|| Self::of_node(line)).unwrap_or_default()
        }
    }

    /// `Ran 58 tests in 3.2s`, and then `OK (skipped=1)` or `FAILED (failures=1, errors=2)`: what failed has run too.
    fn of_unittest(line: &str) -> Option<Self> {
        if let Some(ran) = line.strip_prefix("Ran ").and_then(|rest| rest.split_once(" test")) {
            return Some(Self { passed: ran.0.parse().ok()?, ..Self::default() });
        }
        let (_, counts) = line.split_once(" (").filter(|(word, _)| matches!(*word, "OK" | "FAILED"))?;
        let mut read = Self::default();
        for part in counts.trim_end_matches(')').split(", ") {
            match part.split_once('=') {
                Some(("failures" | "errors", number)) => read.failed += number.parse::<u64>().ok()?,
                Some(("skipped", number)) => read.skipped += number.parse::<u64>().ok()?,
                _ => {}
            }
        }
        Some(read)
    }

    /// `# pass 69` or `\u{2139} pass 69`, by the version of Node.js.
    fn of_node(line: &str) -> Option<Self> {
        let line = line.strip_prefix("# ").or_else(|| line.strip_prefix("\u{2139} "))?;
        let (word, number) = line.split_once(' ')?;
        let number = number.trim().parse().ok()?;
        match word {
            "pass" => Some(Self { passed: number, ..Self::default() }),
            "fail" => Some(Self { failed: number, ..Self::default() }),
            "skipped" => Some(Self { skipped: number, ..Self::default() }),
            _ => None,
        }
    }

    fn read(text: &str, separator: char) -> Self {
        let mut counts = Self::default();
        for part in without_parentheses(text).split(separator) {
            let Some((number, what)) = part.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what.trim() {
                "passed" => counts.passed += number,
                "skipped" | "ignored" => counts.skipped += number,
                "failed" | "timed out" | "exec failed" => counts.failed += number,
                _ => {}
            }
        }
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The line without the escape sequences of colours.
fn plain(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

/// nextest adds remarks to a number: `10 passed (1 slow, 1 leaky)`.
fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    text.chars().filter(outside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_last_lines_of_runners() {
        let counts = |passed, failed, skipped| Counts { passed, failed, skipped };
        let cases = [
            ("     Summary [   1.204s] 34 tests run: 34 passed, 0 skipped", counts(34, 0, 0)),
            ("     Summary [   0.1s] 1 test run: 1 passed, 2 skipped", counts(1, 0, 2)),
            (
                "     Summary [  60.1s] 9/12 tests run: 6 passed (1 slow, 2 leaky), 2 failed, 1 timed out, 3 skipped",
                counts(6, 3, 3),
            ),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.2s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped",
                counts(2, 0, 0),
            ),
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.2s",
                counts(12, 0, 1),
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out",
                counts(3, 2, 0),
            ),
            ("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured", counts(0, 0, 0)),
            ("Ran 58 tests in 3.214s", counts(58, 0, 0)),
            ("Ran 1 test in 0.001s", counts(1, 0, 0)),
            ("OK (skipped=2)", counts(0, 0, 2)),
            ("FAILED (failures=1, errors=2, skipped=1)", counts(0, 3, 1)),
            ("OK", counts(0, 0, 0)),
            ("# pass 69", counts(69, 0, 0)),
            ("\u{2139} fail 2", counts(0, 2, 0)),
            ("# duration_ms 812", counts(0, 0, 0)),
            ("        PASS [   0.012s] hopguard-core token::tests::round_trip", counts(0, 0, 0)),
            ("the Summary [of a talk] run: 3 passed", counts(0, 0, 0)),
        ];
        for (line, expected) in cases {
            assert_eq!(Counts::of_line(line), expected, "{line}");
        }
    }
}

//! The command line.

use anyhow::{Result, bail};

use crate::demo;

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
cargo xtask <command>

  demo      stop two real loops on a local Lambda cloud, and watch it
              --json            one JSON object a line, for machines
              --update-readme   put what it prints into README.md
  test      run everything that can be tested on this machine
  layer     build the Lambda layer: target/layer/hopguard-x86_64.zip
  ci        formatting, lints, documentation, licences, then test
  purity    prove that core does no IO and that imports run one way
  docs      write the generated parts of docs and deploy
              --check           only say whether they are up to date
  dashboards  write the files in dashboards/
              --check           only say whether they are up to date
  templates what cfn-lint and checkov say of deploy
  bench     measure, and print each figure's ratio to its reference
              [filter]          only the cases with this in their names
              layer             the layer, beside a bare extension
  help      this list

Needs Rust, Python 3.10 or newer, and a C compiler. What else a command needs
it installs below target/, and nowhere else; but for the tests with Node.js
functions and in Chromium, `test` and `ci` install Debian packages that are
missing, as root.";

/// One command, with its options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Demo(demo::Options),
    Test,
    Ci,
    Layer,
    Purity,
    Templates,
    Docs { check: bool },
    Dashboards { check: bool },
    Bench { filter: Option<String> },
    BenchLayer,
}

impl Command {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let arguments: Vec<String> = arguments.collect();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(match *words.as_slice() {
            [] | ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => Self::Help,
            ["demo", ref options @ ..] => Self::Demo(demo::Options::parse(options)?),
            ["test"] => Self::Test,
            ["ci"] => Self::Ci,
            ["layer"] => Self::Layer,
            ["purity"] => Self::Purity,
            ["templates"] => Self::Templates,
            ["docs"] => Self::Docs { check: false },
            ["docs", "--check"] => Self::Docs { check: true },
            ["dashboards"] => Self::Dashboards { check: false },
            ["dashboards", "--check"] => Self::Dashboards { check: true },
            ["bench"] => Self::Bench { filter: None },
            ["bench", "layer"] => Self::BenchLayer,
            ["bench", filter] if !filter.starts_with('-') => Self::Bench { filter: Some(filter.to_owned()) },
            [
                command
                @ ("test" | "ci" | "layer" | "purity" | "templates" | "docs" | "dashboards" | "bench"),
                option,
                ..,
            ] => {
                bail!("{command} does not know {option:?}")
            }
            [unknown, ..] => bail!("there is no command {unknown:?}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands() {
        let cases: &[(&str, Result<Command, &str>)] = &[
            ("", Ok(Command::Help)),
            ("--help", Ok(Command::Help)),
            ("demo --help", Ok(Command::Help)),
            ("demo", Ok(Command::Demo(demo::Options::default()))),
            ("demo --json", Ok(Command::Demo(demo::Options { json: true, update_readme: false }))),
            ("demo --fast", Err("demo does not know \"--fast\"")),
            ("demo --json --update-readme", Err("--json and --update-readme exclude each other")),
            ("test", Ok(Command::Test)),
            ("test --all", Err("test does not know \"--all\"")),
            ("docs", Ok(Command::Docs { check: false })),
            ("docs --check", Ok(Command::Docs { check: true })),
            ("dashboards --check", Ok(Command::Dashboards { check: true })),
            ("bench sqs", Ok(Command::Bench { filter: Some("sqs".to_owned()) })),
            ("bench layer", Ok(Command::BenchLayer)),
            ("bench --sqs", Err("bench does not know \"--sqs\"")),
            ("layer", Ok(Command::Layer)),
            ("templates", Ok(Command::Templates)),
            ("templates all", Err("templates does not know \"all\"")),
            ("layers", Err("there is no command \"layers\"")),
        ];
        for (line, expected) in cases {
            let read = Command::parse(line.split_whitespace().map(str::to_owned));
            let read = read.map_err(|error| error.to_string());
            assert_eq!(
                read.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|text| *text),
                "{line}"
            );
        }
    }

    #[test]
    fn help_fits_eighty_columns() {
        assert!(HELP.lines().all(|line| line.chars().count() <= 80));
    }
}

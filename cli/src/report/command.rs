use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use super::analysis::Terms;
use super::model::Builder;
use super::view::{self, Filter, Report};
use super::{Format, InputError, ReportArgs, Tally, html, input, json, text};
use crate::Exit;
use crate::format;
use crate::terminal::Terminal;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// An input cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Nothing was understood.
    #[error(
        "no span was found{skipped}; the report reads OTLP JSON with one request a line, as HOPGUARD_OTLP_FILE writes it"
    )]
    NoSpans {
        /// What was skipped.
        skipped: String,
    },
    /// There are spans, but none of an invocation.
    #[error(
        "none of {spans} is an invocation: these have faas.invocation_id and faas.trigger, as hopguard's layer and crate make them{skipped}"
    )]
    NoInvocations {
        /// How many spans there are.
        spans: String,
        /// What was skipped.
        skipped: String,
    },
    /// The filters let none through.
    #[error("none of {invocations} is left by --function, --service, --since and --until; {hint}")]
    Filtered {
        /// How many there are.
        invocations: String,
        /// What there is.
        hint: String,
    },
    /// The report cannot be written.
    #[error("{} cannot be written: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl ReportError {
    /// The program's exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Input(_) | Self::Write { .. } => Exit::Failed,
            Self::NoSpans { .. } | Self::NoInvocations { .. } | Self::Filtered { .. } => Exit::Nothing,
        }
    }
}

/// Makes a report, and writes it.
///
/// # Errors
/// Every [`ReportError`].
pub fn run(args: &ReportArgs, terminal: &mut Terminal) -> Result<(), ReportError> {
    let report = make(args, SystemTime::now())?;
    let form = args.format();
    let width = if args.out.is_some() { WIDTH_OF_FILE } else { terminal.width() };
    let text = match form {
        Format::Text => text::render(&report, width),
        Format::Html => html::render(&report),
        Format::Json => json::render(&report),
    };
    let Some(path) = args.out.as_ref().filter(|path| path.as_os_str() != "-") else {
        if form == Format::Html && terminal.is_watched() {
            terminal.note("the page goes to standard output; --out report.html writes it to a file");
        }
        let path = || PathBuf::from("standard output");
        let written = if form == Format::Text { terminal.say(&text) } else { terminal.document(&text) };
        return written.map_err(|error| ReportError::Write { path: path(), error });
    };
    // A file has no colours.
    let text = if form == Format::Text { anstream::adapter::strip_str(&text).to_string() } else { text };
    fs::write(path, text).map_err(|error| ReportError::Write { path: path.clone(), error })?;
    terminal.note(&format!("{}: {}", path.display(), summary(&report)));
    Ok(())
}

/// How wide text is in a file.
const WIDTH_OF_FILE: usize = 100;

/// Reads, puts together and analyses.
fn make(args: &ReportArgs, now: SystemTime) -> Result<Report, ReportError> {
    let mut builder = Builder::default();
    let tally = input::read(&args.inputs, &mut builder)?;
    let model = builder.finish();
    let skipped = skipped(&tally);
    if tally.spans == 0 {
        return Err(ReportError::NoSpans { skipped });
    }
    if model.invocations.is_empty() {
        return Err(ReportError::NoInvocations {
            spans: format::counted(tally.spans, "span", "spans"),
            skipped,
        });
    }
    let report = view::build(&model, &args.terms(), &args.filter(now), tally);
    if report.invocations_total == 0 {
        let invocations = format::counted(model.invocations.len() as u64, "invocation", "invocations");
        let times = model.invocations.first().zip(model.invocations.last());
        let times = times.map_or_else(String::new, |(first, last)| {
            format!("they are from {} to {} UTC", format::time(first.start_ns), format::time(last.start_ns))
        });
        let mut names: Vec<&str> = model.invocations.iter().map(|one| &*one.function).collect();
        names.sort_unstable();
        names.dedup();
        let more = if names.len() > 8 { ", …" } else { "" };
        names.truncate(8);
        return Err(ReportError::Filtered {
            invocations,
            hint: format!("{times}, of {}{more}", names.join(", ")),
        });
    }
    Ok(report)
}

fn skipped(tally: &Tally) -> String {
    let skipped = tally.skipped();
    if skipped.is_empty() { String::new() } else { format!(" (skipped: {})", skipped.join(", ")) }
}

fn summary(report: &Report) -> String {
    let totals = &report.totals;
    format!(
        "{}, paid {}, of that waiting {} ({}), {}",
        format::counted(totals.invocations, "invocation", "invocations"),
        format::usd(totals.paid.usd),
        format::usd(totals.wait.usd),
        format::percent(totals.wait.ns as f64, totals.paid.ns as f64),
        format::counted(report.findings.len() as u64, "finding", "findings"),
    )
}

/// Makes a report from a stream, as the command does from files. For benchmarks.
///
/// # Errors
/// Where the stream cannot be read.
#[doc(hidden)]
pub fn report_of(stream: &mut impl io::BufRead) -> io::Result<Report> {
    let mut builder = Builder::default();
    let tally = input::read_stream(stream, &mut builder)?;
    Ok(view::build(&builder.finish(), &Terms::default(), &Filter::default(), tally))
}

/// A report in a form. For benchmarks.
#[doc(hidden)]
#[must_use]
pub fn render(report: &Report, form: Format) -> String {
    match form {
        Format::Text => text::render(report, WIDTH_OF_FILE),
        Format::Html => html::render(report),
        Format::Json => json::render(report),
    }
}

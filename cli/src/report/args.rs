use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use hopguard_core::Settings;
use hopguard_core::findings::Thresholds;
use hopguard_core::wait::Price;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::analysis::Terms;
use super::view::Filter;

/// What `hopguard report --help` begins with.
pub(crate) const ABOUT: &str = "\
Show what functions pay for waiting, from their spans.

Reads OTLP JSON, one request a line, as HOPGUARD_OTLP_FILE and OpenTelemetry's file exporter write it, and shows chains of \
invocations, what each function waited for, what that costs, and anti-patterns with their evidence.

  hopguard report spans.json                     in the terminal
  hopguard report spans.json --out report.html   as one page that needs no network
  hopguard report logs/ --output json            for machines";

/// What `hopguard report` is told.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Files of OTLP JSON, folders of them, or - for standard input; a rotated FILE.1 beside a FILE is read too
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub inputs: Vec<PathBuf>,

    /// Write to this file instead of standard output; its ending (.html, .json, .txt) chooses the form
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// The form [default: by --out's ending, else text]
    #[arg(long, value_enum, value_name = "FORM")]
    pub output: Option<Format>,

    /// What a GB-second costs, in USD [default: AWS's list price for x86-64 in us-east-1]
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub usd_per_gb_second: Option<f64>,

    /// The memory of functions whose spans do not say it, in MB
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(128..=10240))]
    pub memory: Option<u32>,

    /// From where on something is a finding, as HOPGUARD_FINDINGS has it: recursion.visits=3,serial-wait.share=20
    #[arg(long, value_name = "THRESHOLDS", value_parser = thresholds)]
    pub findings: Option<Thresholds>,

    /// Only this function (by faas.name); may be given again
    #[arg(long, value_name = "NAME")]
    pub function: Vec<String>,

    /// Only this service (by service.name); may be given again
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,

    /// Only invocations from this time on: 2026-11-24T00:42:33Z, 2026-11-24 (UTC), or 2h for the last two hours
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub since: Option<Moment>,

    /// Only invocations before this time
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub until: Option<Moment>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Format {
    /// For a terminal, 80 columns or wider
    Text,
    /// One page that needs no network
    Html,
    /// For machines: fields as docs/report.md lists them
    Json,
}

/// A time, or how long ago it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// A point in time.
    At(Timestamp),
    /// So long before now.
    Ago(SignedDuration),
}

impl Moment {
    /// Reads RFC 3339, a day in UTC, or a duration.
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        if let Some(at) =
            text.parse::<Date>().ok().and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok())
        {
            return Ok(Self::At(at));
        }
        match text.parse::<SignedDuration>() {
            Ok(ago) if !ago.is_negative() => Ok(Self::Ago(ago)),
            _ => Err("write a time as 2026-11-24T00:42:33Z, a day as 2026-11-24, or how long ago it is as 90m or 2h".to_owned()),
        }
    }

    /// In nanoseconds since 1970.
    fn ns(self, now: SystemTime) -> u64 {
        let since_1970 = match self {
            Self::At(at) => at.as_nanosecond(),
            Self::Ago(ago) => {
                let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                i128::try_from(now.as_nanos()).unwrap_or_default() - ago.as_nanos()
            }
        };
        u64::try_from(since_1970).unwrap_or_default()
    }
}

fn usd(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(usd) if usd.is_finite() && (0.0..=1.0).contains(&usd) => Ok(usd),
        _ => Err("write a price from 0 to 1, for example 0.0000133334 for arm64".to_owned()),
    }
}

fn thresholds(text: &str) -> Result<Thresholds, String> {
    let (settings, errors) = Settings::read([("HOPGUARD_FINDINGS", text)]);
    errors.first().map_or(Ok(settings.thresholds), |error| Err(error.to_string()))
}

impl ReportArgs {
    /// The form that is wanted.
    pub(crate) fn format(&self) -> Format {
        let ending = self
            .out
            .as_deref()
            .and_then(Path::extension)
            .map(|ending| ending.to_string_lossy().to_lowercase());
        self.output.unwrap_or(match ending.as_deref() {
            Some("html" | "htm") => Format::Html,
            Some("json") => Format::Json,
            _ => Format::Text,
        })
    }

    pub(crate) fn terms(&self) -> Terms {
        let mut price = Price::default();
        if let Some(usd_per_gb_second) = self.usd_per_gb_second {
            price =
                Price { usd_per_gb_second, source: "--usd-per-gb-second".into(), date: "".into(), ..price };
        }
        Terms {
            price,
            memory_mb: self.memory.unwrap_or_default(),
            thresholds: self.findings.unwrap_or_default(),
        }
    }

    pub(crate) fn filter(&self, now: SystemTime) -> Filter {
        Filter {
            functions: self.function.clone(),
            services: self.service.clone(),
            since_ns: self.since.map(|at| at.ns(now)),
            until_ns: self.until.map(|at| at.ns(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_so_long_ago() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        let cases = [
            ("1970-01-01T00:00:02Z", Some(2_000_000_000)),
            ("1970-01-02", Some(86_400_000_000_000)),
            ("2h", Some(2_800_000_000_000)),
            ("90m", Some(4_600_000_000_000)),
            ("1s 500ms", Some(9_998_500_000_000)),
            ("-2h", None),
            ("yesterday", None),
            ("5", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Moment::parse(text).ok().map(|at| at.ns(now)), expected, "{text}");
        }
    }
}

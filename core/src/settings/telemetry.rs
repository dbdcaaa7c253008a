//! What the layer does with what it observes.

use std::path::PathBuf;
use std::time::Duration;

use super::{Variable, parse};

/// Where spans and metrics go, beside the collector that OpenTelemetry's own variables name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// Where metrics go beside OTLP.
    pub metrics: MetricSinks,
    /// The port of the OTLP receiver on the loopback interface; 0 is a free one.
    pub otlp_port: u16,
    /// The file that OTLP JSON lines are appended to.
    pub otlp_file: Option<PathBuf>,
    /// How long data may wait for its export while invocations are frequent.
    pub flush_interval: Duration,
}

/// Where metrics go beside OTLP. By default nowhere: CloudWatch bills each custom metric, and nobody is to be billed for what they
/// did not ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricSinks {
    /// As lines in CloudWatch's embedded metric format on standard output: no permission and no call, billed as logs.
    pub emf: bool,
    /// By PutMetricData: the function's role needs `cloudwatch:PutMetricData`.
    pub cloudwatch: bool,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            metrics: MetricSinks::default(),
            otlp_port: 4318,
            otlp_file: None,
            flush_interval: Duration::from_secs(10),
        }
    }
}

pub(super) const METRICS: Variable = Variable {
    name: "HOPGUARD_METRICS",
    default: "`none`",
    range: "`none`, or `emf` and `cloudwatch`, separated by commas",
    doc: "Layer only: where metrics go beside OTLP: lines in the embedded metric format, PutMetricData, or both. CloudWatch bills each metric.",
    apply: |draft, value| {
        let mut sinks = MetricSinks::default();
        for word in value.split(',') {
            let words = [("none", (false, false)), ("emf", (true, false)), ("cloudwatch", (false, true))];
            let known = "\"none\", \"emf\", \"cloudwatch\", \"emf,cloudwatch\"";
            let (emf, cloudwatch) = parse::word("HOPGUARD_METRICS", word.trim(), &words, known)?;
            sinks.emf |= emf;
            sinks.cloudwatch |= cloudwatch;
        }
        draft.settings.telemetry.metrics = sinks;
        Ok(())
    },
};

/// Read by the layer beside OpenTelemetry's own variables.
pub(super) const OTLP_ENDPOINT: Variable = Variable {
    name: "HOPGUARD_OTLP_ENDPOINT",
    default: "`OTEL_EXPORTER_OTLP_ENDPOINT`",
    range: "URL",
    doc: "Layer only: the collector that the layer exports to, where the function's own OpenTelemetry SDK is to export to the layer and not past it.",
    apply: |_, _| Ok(()),
};

pub(super) const OTLP_PORT: Variable = Variable {
    name: "HOPGUARD_OTLP_PORT",
    default: "4318",
    range: "0 to 65535",
    doc: "Layer only: the port on 127.0.0.1 that takes OTLP over HTTP; 0 is a free one. Where it is taken, the layer goes without.",
    apply: |draft, value| {
        let port = parse::number("HOPGUARD_OTLP_PORT", value, (0, 65_535), 4_318)?;
        draft.settings.telemetry.otlp_port = u16::try_from(port).unwrap_or_default();
        Ok(())
    },
};

pub(super) const OTLP_FILE: Variable = Variable {
    name: "HOPGUARD_OTLP_FILE",
    default: "none",
    range: "absolute path",
    doc: "Layer, and the crate with its feature `otlp`: a file that takes spans and metrics as OTLP JSON, one request a line; at 16 MiB it is renamed to `….1`, and that one is gone.",
    apply: |draft, value| {
        let path = parse::path("HOPGUARD_OTLP_FILE", value, "/tmp/hopguard/otlp.jsonl")?;
        draft.settings.telemetry.otlp_file = Some(path);
        Ok(())
    },
};

pub(super) const FLUSH_INTERVAL: Variable = Variable {
    name: "HOPGUARD_FLUSH_INTERVAL",
    default: "`10s`",
    range: "`0ms` to `10m`",
    doc: "Layer, and the crate with its feature `otlp`: while invocations are frequent, spans and metrics are exported this often; else after every invocation, and so with `0ms`.",
    apply: |draft, value| {
        let range = (Duration::ZERO, Duration::from_secs(600));
        draft.settings.telemetry.flush_interval =
            parse::duration("HOPGUARD_FLUSH_INTERVAL", value, range, "from 0ms to 10m", "10s")?;
        Ok(())
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn values_arrive() {
        let (settings, errors) = Settings::read([
            ("HOPGUARD_METRICS", "EMF, cloudwatch"),
            ("HOPGUARD_OTLP_PORT", "0"),
            ("HOPGUARD_OTLP_FILE", "/tmp/a b.jsonl"),
            ("HOPGUARD_FLUSH_INTERVAL", "1m"),
        ]);
        assert!(errors.is_empty(), "{errors:?}");
        let expected = Telemetry {
            metrics: MetricSinks { emf: true, cloudwatch: true },
            otlp_port: 0,
            otlp_file: Some("/tmp/a b.jsonl".into()),
            flush_interval: Duration::from_secs(60),
        };
        assert_eq!(settings.telemetry, expected);
    }

    #[test]
    fn nothing_is_billed_that_nobody_asked_for() {
        for value in ["none", "NONE "] {
            let (settings, errors) = Settings::read([("HOPGUARD_METRICS", value)]);
            assert_eq!((settings.telemetry, errors.len()), (Telemetry::default(), 0));
        }
        assert_eq!(Telemetry::default().metrics, MetricSinks { emf: false, cloudwatch: false });
    }
}

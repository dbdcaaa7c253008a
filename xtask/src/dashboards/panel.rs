use hopguard_core::{Counter, Measure};

/// A page of panels: one dashboard, for each source that has what they show.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) uid: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) rows: Vec<Row>,
    /// Whether it is about one function.
    pub(crate) of_one: bool,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
}

/// One panel, as every source shows it.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// What it says, and what to do about it.
    pub(crate) description: &'static str,
    pub(crate) kind: Kind,
    pub(crate) unit: Unit,
    pub(crate) series: Vec<Series>,
    /// From which values on it is yellow and red.
    pub(crate) limits: Option<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One number for the whole time range.
    Number,
    /// One bar a series, for the whole time range, longest first.
    Ranking,
    /// Over time, as lines.
    Lines,
    /// Events over time, as bars on each other.
    Bars,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Seconds,
    Bytes,
    Dollars,
    Share,
}

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) legend: &'static str,
    pub(crate) of: Of,
    pub(crate) by: By,
}

/// What a series shows.
#[derive(Clone, Debug)]
pub(crate) enum Of {
    /// How many events of these counters there were; they are of one metric.
    Events(Vec<Counter>),
    /// All samples together.
    Sum(Measure),
    /// Their mean.
    Mean(Measure),
    /// What 95 % of the samples are below; in CloudWatch, which gets no distributions, the greatest.
    High(Measure),
    /// The greatest of them; in Prometheus, the upper bound of its bucket.
    Greatest(Measure),
    /// The value that was measured last.
    Last(Measure),
    /// The sum of one as a part of that of another.
    Share(Measure, Measure),
    /// How long calls took together. Prometheus only: CloudWatch has no operations.
    CallTime,
    /// What 95 % of the calls are below. Prometheus only.
    CallHigh,
    /// How many calls there were. Prometheus only.
    Calls,
    /// Functions that were tripped and have not run for five minutes. Prometheus only.
    AtZero,
    /// Invocations that Lambda has turned away. CloudWatch only: AWS counts them.
    Throttles,
    /// Invocations that AWS's own loop detection has stopped. CloudWatch only.
    RecursiveInvocationsDropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// All that is selected, together.
    All,
    Function,
    /// The service and the operation that was called.
    Operation,
}

impl Panel {
    pub(crate) fn new(kind: Kind, unit: Unit, title: &'static str, description: &'static str) -> Self {
        Self { title, description, kind, unit, series: Vec::new(), limits: None }
    }

    /// One of the figures at the top of a page.
    pub(crate) fn number(unit: Unit, title: &'static str, description: &'static str) -> Self {
        Self::new(Kind::Number, unit, title, description)
    }

    /// Yellow from the first value on, red from the second.
    pub(crate) fn limits(mut self, warning: f64, alarm: f64) -> Self {
        self.limits = Some((warning, alarm));
        self
    }

    pub(crate) fn series(mut self, legend: &'static str, of: Of) -> Self {
        self.series.push(Series { legend, of, by: By::All });
        self
    }

    pub(crate) fn by(mut self, by: By, of: Of) -> Self {
        self.series.push(Series { legend: "", of, by });
        self
    }

    /// A series for each of these counters.
    pub(crate) fn counters(self, counters: &[(&'static str, Counter)]) -> Self {
        counters
            .iter()
            .fold(self, |panel, (legend, counter)| panel.series(legend, Of::Events(vec![*counter])))
    }
}

impl Of {
    /// How many events of one counter there were.
    pub(crate) fn events(counter: Counter) -> Self {
        Self::Events(vec![counter])
    }

    /// The findings of every kind.
    pub(crate) fn findings() -> Self {
        Self::Events(vec![
            Counter::FoundRecursion,
            Counter::FoundSyncInvoke,
            Counter::FoundSerialWait,
            Counter::FoundOrchestrator,
            Counter::FoundMonolith,
        ])
    }
}

impl Series {
    pub(crate) const fn in_prometheus(&self) -> bool {
        !matches!(self.of, Of::Throttles | Of::RecursiveInvocationsDropped)
    }

    /// CloudWatch has no operations, and no quotients of lists.
    pub(crate) const fn in_cloudwatch(&self) -> bool {
        !matches!(
            (&self.of, self.by),
            (Of::CallTime | Of::CallHigh | Of::Calls | Of::AtZero, _) | (Of::Share(..), By::Function)
        )
    }
}

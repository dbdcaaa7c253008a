use std::borrow::Cow;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// What Lambda takes for a function that runs on demand.
///
/// Every figure in USD is seconds × GB × [`usd_per_gb_second`](Self::usd_per_gb_second), where a GB is 1024 MB of the memory that the
/// function is given, as Lambda counts. A function of 512 MB that waits 0.2 s at 0.0000166667 USD pays 0.2 × 0.5 × 0.0000166667 =
/// 0.00000166667 USD for that. No free tier, no volume discount, no savings plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// USD for one GB-second.
    pub usd_per_gb_second: f64,
    /// USD for one request.
    pub usd_per_request: f64,
    /// Where the price is from.
    pub source: Cow<'static, str>,
    /// The day on which it was written down here, as year-month-day; empty where it is the owner's own figure.
    pub date: Cow<'static, str>,
}

/// The processors that Lambda has, each with a price of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// x86-64.
    #[default]
    X86_64,
    /// Arm64 (Graviton).
    Arm64,
}

impl Price {
    /// AWS's list price in us-east-1, first tier.
    pub const fn listed(architecture: Architecture) -> Self {
        let (usd_per_gb_second, source) = match architecture {
            Architecture::X86_64 => {
                (0.000_016_666_7, "https://aws.amazon.com/lambda/pricing/ (us-east-1, x86_64, first tier)")
            }
            Architecture::Arm64 => {
                (0.000_013_333_4, "https://aws.amazon.com/lambda/pricing/ (us-east-1, arm64, first tier)")
            }
        };
        Self {
            usd_per_gb_second,
            usd_per_request: 0.000_000_2,
            source: Cow::Borrowed(source),
            date: Cow::Borrowed("2026-11-24"),
        }
    }

    /// The owner's own price for a GB-second, where there is one.
    #[must_use]
    pub fn or_own(self, usd_per_gb_second: Option<f64>) -> Self {
        match usd_per_gb_second {
            Some(usd_per_gb_second) => Self {
                usd_per_gb_second,
                source: Cow::Borrowed("HOPGUARD_USD_PER_GB_SECOND"),
                date: Cow::Borrowed(""),
                ..self
            },
            None => self,
        }
    }

    /// What a time at a function's memory is paid with.
    pub fn amount(&self, ns: u64, memory_mb: u32) -> Amount {
        let gb_seconds = ns as f64 / 1e9 * (f64::from(memory_mb) / 1024.0);
        Amount { ns, gb_seconds, usd: gb_seconds * self.usd_per_gb_second }
    }
}

impl Default for Price {
    fn default() -> Self {
        Self::listed(Architecture::default())
    }
}

/// A time, and what it is paid with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// In nanoseconds.
    pub ns: u64,
    /// In GB-seconds; 0 where the memory is not known.
    pub gb_seconds: f64,
    /// In USD.
    pub usd: f64,
}

impl Amount {
    /// The time in seconds.
    pub const fn seconds(&self) -> f64 {
        self.ns as f64 / 1e9
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            ns: self.ns.saturating_add(other.ns),
            gb_seconds: self.gb_seconds + other.gb_seconds,
            usd: self.usd + other.usd,
        }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

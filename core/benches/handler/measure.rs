use std::time::{Duration, Instant};

/// How long one sample runs at least: long against the clock's own cost, short against a scheduler's slice.
const SAMPLE: Duration = Duration::from_micros(400);
const SAMPLES: usize = 101;

pub type Work = Box<dyn FnMut()>;

/// Nanoseconds per call.
#[derive(Clone, Copy)]
pub struct Times {
    pub median: f64,
    pub minimum: f64,
}

/// Measures both in turns, so that whatever disturbs the machine disturbs both.
pub fn interleaved(subject: &mut Work, reference: &mut Work) -> (Times, Times) {
    let (own_calls, reference_calls) = (calls(subject), calls(reference));
    let (mut own, mut others) = (Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES));
    for _ in 0..SAMPLES {
        own.push(sample(subject, own_calls));
        others.push(sample(reference, reference_calls));
    }
    (times(own), times(others))
}

/// How many calls fill a sample; also warms up.
fn calls(work: &mut Work) -> u32 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| work());
        if start.elapsed() >= SAMPLE {
            return calls;
        }
        calls *= 2;
    }
}

fn sample(work: &mut Work, calls: u32) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| work());
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn times(mut samples: Vec<f64>) -> Times {
    samples.sort_by(f64::total_cmp);
    let median = samples.get(samples.len() / 2).copied().unwrap_or_default();
    Times { median, minimum: samples.first().copied().unwrap_or_default() }
}

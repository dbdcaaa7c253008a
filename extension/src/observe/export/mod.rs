//! What leaves the environment: OTLP to a collector, a file, CloudWatch. After the response, and within bounds.

mod answer;
mod emf;
mod exporter;
mod file;
mod sink;

pub(crate) use exporter::{Exporter, Progress};

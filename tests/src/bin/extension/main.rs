//! The layer's extension, as a program of the tests, so that what they run is never older than its source.

use std::process::ExitCode;

fn main() -> ExitCode {
    hopguard_extension::main()
}

//! The layer's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    hopguard_extension::main()
}

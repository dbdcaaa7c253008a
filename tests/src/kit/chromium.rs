//! A browser for the tests of the report's page: Debian's, or one that `CHROMIUM` names.

use std::process::Command;

use super::{
    Missing,
    debian::{self, Need},
};
use crate::toolbox::Progress;

pub(super) fn provide(progress: &Progress) -> Result<(), Missing> {
    debian::provide(&[Need { what: "Chromium", package: "chromium", is_there }], progress)
}

fn is_there() -> bool {
    let program = std::env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
    debian::runs(Command::new(program).arg("--version"))
}

use std::fmt;

use crate::Exit;

/// A command that did not do what it was asked for, and how the program ends then.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    /// The command line does not say enough.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, error: anyhow::anyhow!("{message}") }
    }

    /// There is nothing to do it to.
    pub(crate) fn nothing(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Nothing, error: anyhow::anyhow!("{message}") }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}

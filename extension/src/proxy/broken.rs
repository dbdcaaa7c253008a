use std::io;

use anyhow::Error;

use crate::wire::Unread;

/// Why an exchange was not brought to its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The runtime's side failed: it has gone, or what it wrote is no request.
    Runtime(Unread),
    /// Lambda's side failed.
    Lambda(Error),
}

/// Why a body was not passed on to its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// On the side that it comes from.
    Read(Unread),
    /// On the side that it goes to.
    Write(io::Error),
}

impl From<Cut> for Broken {
    /// Of the body of a request.
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Read(error) => Self::Runtime(error),
            Cut::Write(error) => Self::Lambda(error.into()),
        }
    }
}

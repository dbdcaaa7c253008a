use std::io;

use http::StatusCode;

/// Why a message is none of HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// Its first line or one of its headers is wrong.
    #[error("the first line or a header is wrong")]
    Head,
    /// It is longer than 64 KiB, or has more than 128 headers.
    #[error("the head has more than 64 KiB or more than 128 headers")]
    TooLong,
    /// Its headers do not say, or say more than once, where its body ends: two readers could find two ends.
    #[error("the headers do not say where the body ends")]
    Ambiguous,
    /// A chunk of its body has no size.
    #[error("a chunk of the body is wrong")]
    Chunk,
}

impl Malformed {
    /// What the sender of such a request is told.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Head | Self::Ambiguous | Self::Chunk => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why a message was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// It is none of HTTP/1.1.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is longer than whoever reads it takes.
    #[error("the body has more than {most} bytes")]
    TooLarge {
        /// How much is taken.
        most: usize,
    },
}

impl Unread {
    /// The connection ended within a message.
    pub(crate) fn cut() -> Self {
        Self::Io(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within a message"))
    }
}

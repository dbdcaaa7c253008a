use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};

/// A body that passes through frame by frame, trailers included, or one that is held in memory.
#[derive(Debug)]
pub(crate) enum Body {
    Passing(Incoming),
    /// One that passes after its beginning was read.
    Begun(Bytes, Incoming),
    Held(Full<Bytes>),
}

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        Self::Passing(body)
    }
}

impl From<Bytes> for Body {
    fn from(body: Bytes) -> Self {
        Self::Held(Full::new(body))
    }
}

impl From<Vec<u8>> for Body {
    fn from(body: Vec<u8>) -> Self {
        Bytes::from(body).into()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Begun(beginning, _) if !beginning.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(beginning)))))
            }
            Self::Passing(body) | Self::Begun(_, body) => Pin::new(body).poll_frame(cx),
            Self::Held(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Begun(beginning, _) if !beginning.is_empty() => false,
            Self::Passing(body) | Self::Begun(_, body) => body.is_end_stream(),
            Self::Held(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Passing(body) => body.size_hint(),
            Self::Begun(beginning, body) => {
                let (begun, rest) = (beginning.len() as u64, body.size_hint());
                let mut hint = SizeHint::new();
                hint.set_lower(begun + rest.lower());
                if let Some(upper) = rest.upper() {
                    hint.set_upper(begun + upper);
                }
                hint
            }
            Self::Held(body) => body.size_hint(),
        }
    }
}

/// A body of which so much was read that its beginning can be judged, or all of it where it is no longer.
#[derive(Debug)]
pub(super) struct Reading {
    read: Bytes,
    /// What is left; `None` at its end.
    rest: Option<Incoming>,
}

impl Reading {
    /// How much of a body is its beginning.
    const BEGINNING: usize = 64 * 1024;

    /// Reads the beginning.
    pub(super) async fn begin(mut body: Incoming) -> Result<Self, hyper::Error> {
        let mut read = Pieces::default();
        while read.length() < Self::BEGINNING {
            match body.frame().await {
                Some(frame) => read.push(frame?, Self::BEGINNING),
                None => return Ok(Self { read: read.join(), rest: None }),
            }
        }
        Ok(Self { read: read.join(), rest: (!body.is_end_stream()).then_some(body) })
    }

    /// The beginning of a body that has more than that.
    pub(super) fn beginning(&self) -> Option<&[u8]> {
        self.rest.as_ref().map(|_| &*self.read)
    }

    /// The body as it was, to be passed on.
    pub(super) fn passing(self) -> Body {
        match self.rest {
            Some(rest) => Body::Begun(self.read, rest),
            None => Body::from(self.read),
        }
    }

    /// Reads the rest.
    pub(super) async fn whole(self) -> Result<Bytes, hyper::Error> {
        let Some(rest) = self.rest else { return Ok(self.read) };
        continued(self.read, rest).await
    }
}

/// Reads a body to its end, into one piece of memory of the announced size.
pub(super) async fn whole(body: Incoming) -> Result<Bytes, hyper::Error> {
    continued(Bytes::new(), body).await
}

async fn continued(read: Bytes, mut body: Incoming) -> Result<Bytes, hyper::Error> {
    /// Lambda's largest event or answer; what announces more is believed only as it comes.
    const EXPECTED: u64 = 6 * 1024 * 1024 + 1024;
    let announced = body.size_hint().exact().unwrap_or(0).min(EXPECTED);
    let expected = usize::try_from(announced).unwrap_or(0) + read.len();
    let mut pieces = Pieces::default();
    pieces.push(Frame::data(read), expected);
    while let Some(frame) = body.frame().await {
        pieces.push(frame?, expected);
    }
    Ok(pieces.join())
}

/// The pieces of a body, joined. One piece, which most bodies are, is not copied.
#[derive(Debug, Default)]
struct Pieces {
    first: Bytes,
    all: Vec<u8>,
}

impl Pieces {
    fn length(&self) -> usize {
        self.first.len() + self.all.len()
    }

    /// Adds one; `expected` is how long the whole may be.
    fn push(&mut self, frame: Frame<Bytes>, expected: usize) {
        let Ok(data) = frame.into_data() else { return };
        if self.length() == 0 {
            self.first = data;
            return;
        }
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            self.all.reserve_exact(expected.max(first.len() + data.len()));
            self.all.extend_from_slice(&first);
        }
        self.all.extend_from_slice(&data);
    }

    fn join(self) -> Bytes {
        if self.all.is_empty() { self.first } else { Bytes::from(self.all) }
    }
}

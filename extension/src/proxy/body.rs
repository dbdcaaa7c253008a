use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming, SizeHint};

/// A body that passes through frame by frame, trailers included, or one that is held in memory.
#[derive(Debug)]
pub(crate) enum Body {
    Passing(Incoming),
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
            Self::Passing(body) => Pin::new(body).poll_frame(cx),
            Self::Held(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Passing(body) => body.is_end_stream(),
            Self::Held(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Passing(body) => body.size_hint(),
            Self::Held(body) => body.size_hint(),
        }
    }
}

/// Reads a body to its end, into one piece of memory of the announced size.
pub(super) async fn whole(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    use hyper::body::Body as _;

    /// Lambda's largest event or answer; what announces more is believed only as it comes.
    const EXPECTED: u64 = 6 * 1024 * 1024 + 1024;
    let announced = body.size_hint().exact().unwrap_or(0).min(EXPECTED);
    let mut first: Option<Bytes> = None;
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.is_none() && all.is_empty() {
            first = Some(data);
            continue;
        }
        if let Some(first) = first.take() {
            all.reserve_exact(usize::try_from(announced).unwrap_or(0).max(first.len() + data.len()));
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&data);
    }
    // One frame is the whole body of most events: it is not copied.
    Ok(first.unwrap_or_else(|| Bytes::from(all)))
}

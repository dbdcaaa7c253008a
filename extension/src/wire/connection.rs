use std::io::{self, IoSlice};
use std::sync::LazyLock;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memchr_iter;
use memchr::memmem::Finder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::{Head, Left, Malformed, Unread};

/// What a head and most messages fit into.
const SMALL: usize = 16 * 1024;
/// What is read of a large body at once.
const LARGE: usize = 128 * 1024;
/// How long a connection that is closed is read on, so that its other side sees the answer before the end.
const LINGER: Duration = Duration::from_secs(1);
/// Lambda's largest event or answer; what announces more is believed only as it comes.
const EXPECTED: u64 = 6 * 1024 * 1024 + 1024;

/// What ends a head.
const END: &[u8] = b"\r\n\r\n";
static FIND_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));

/// A connection, with what was read of it and is not used yet.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: BytesMut,
}

impl Connection {
    /// Takes a connection over.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: BytesMut::new() })
    }

    /// Connects to a host and port.
    pub(crate) async fn to(address: &str) -> io::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    /// Its two directions.
    pub(crate) fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        let (read, write) = self.stream.split();
        (Reader { half: read, unread: &mut self.unread }, Writer { half: write, written: 0 })
    }

    pub(crate) fn reader(&mut self) -> Reader<'_> {
        self.split().0
    }

    pub(crate) fn writer(&mut self) -> Writer<'_> {
        self.split().1
    }

    /// Whether it is open as far as is known, and nothing came that nobody has asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        let nothing =
            |read: io::Result<usize>| read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.unread.is_empty() && nothing(self.stream.try_read(&mut [0]))
    }

    /// Ends it. What comes meanwhile is read for a moment: an end with bytes unread would take the answer back that was written.
    pub(crate) async fn end(mut self) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let read_on = async {
            loop {
                self.unread.clear();
                self.unread.reserve(SMALL);
                if !matches!(self.stream.read_buf(&mut self.unread).await, Ok(1..)) {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, read_on).await;
    }
}

/// The direction that comes in.
#[derive(Debug)]
pub(crate) struct Reader<'c> {
    half: ReadHalf<'c>,
    unread: &'c mut BytesMut,
}

impl Reader<'_> {
    /// Reads the head of a message by [`Head::request`] or [`Head::answer`]; `None` where the connection has ended before it.
    pub(crate) async fn head(
        &mut self,
        read: fn(Bytes) -> Result<Head, Malformed>,
    ) -> Result<Option<Head>, Unread> {
        let mut searched = 0;
        loop {
            // An empty line may stand before a message.
            while searched == 0 && self.unread.starts_with(b"\r\n") {
                self.unread.advance(2);
            }
            if let Some(length) = end_of_head(self.unread, searched)? {
                if length > Head::LONGEST {
                    return Err(Malformed::TooLong.into());
                }
                return Ok(Some(read(self.unread.split_to(length).freeze())?));
            }
            if self.unread.len() > Head::LONGEST {
                return Err(Malformed::TooLong.into());
            }
            searched = self.unread.len();
            if self.fill(SMALL).await? == 0 {
                return if self.unread.is_empty() { Ok(None) } else { Err(Unread::cut()) };
            }
        }
    }

    /// What has come of a body, its chunks as they are.
    pub(crate) fn begun(&mut self, left: &mut Left) -> Result<Bytes, Malformed> {
        let taken = left.advance(self.unread, None)?;
        Ok(if taken == 0 { Bytes::new() } else { self.unread.split_to(taken).freeze() })
    }

    /// Reads a body to its end, or until `most` of its data has come. It is still unread then.
    pub(crate) async fn look(&mut self, left: Left, most: usize) -> Result<Look, Unread> {
        let decoded = matches!(left, Left::Chunked(_)).then(Vec::new);
        let mut look = Look { left, taken: 0, decoded, ended: false };
        loop {
            let new = self.unread.get(look.taken..).unwrap_or_default();
            look.taken += look.left.advance(new, look.decoded.as_mut())?;
            let length = look.decoded.as_ref().map_or(look.taken, Vec::len);
            if look.left.is_done() || length >= most {
                return Ok(look);
            }
            let expected = look.left.length().unwrap_or_default().min(LARGE as u64);
            if self.fill(usize::try_from(expected).unwrap_or(SMALL).max(SMALL)).await? == 0 {
                look.ended = true;
                return if look.left == Left::UntilClose { Ok(look) } else { Err(Unread::cut()) };
            }
        }
    }

    /// What was looked at, still unread: chunks as they are.
    pub(crate) fn looked_at(&self, look: &Look) -> &[u8] {
        self.unread.get(..look.taken).unwrap_or_default()
    }

    /// The data of what was looked at.
    pub(crate) fn data<'l>(&'l self, look: &'l Look) -> &'l [u8] {
        look.decoded.as_deref().unwrap_or_else(|| self.looked_at(look))
    }

    /// Takes what was looked at, to be passed on.
    pub(crate) fn take(&mut self, look: &Look) -> Bytes {
        self.unread.split_to(look.taken.min(self.unread.len())).freeze()
    }

    /// Reads the rest of a body that was looked at, and takes all of its data.
    pub(crate) async fn whole(&mut self, look: Look, most: usize) -> Result<Bytes, Unread> {
        let Look { mut left, mut taken, mut decoded, mut ended } = look;
        while !left.is_done() && !ended {
            if decoded.is_some() {
                self.unread.advance(taken);
                taken = 0;
            }
            if decoded.as_ref().map_or(taken, Vec::len) > most {
                return Err(Unread::TooLarge { most });
            }
            // Into one piece of memory, of the announced size.
            let expected = left.length().unwrap_or(LARGE as u64).min(EXPECTED);
            if self.fill(usize::try_from(expected).unwrap_or(LARGE)).await? == 0 {
                ended = true;
                if left != Left::UntilClose {
                    return Err(Unread::cut());
                }
            }
            let new = self.unread.get(taken..).unwrap_or_default();
            taken += left.advance(new, decoded.as_mut())?;
        }
        let raw = self.unread.split_to(taken.min(self.unread.len()));
        let data = decoded.map_or_else(|| raw.freeze(), Bytes::from);
        if data.len() > most { Err(Unread::TooLarge { most }) } else { Ok(data) }
    }

    /// Reads a body of at most so many bytes of data.
    pub(crate) async fn body(&mut self, left: Left, most: usize) -> Result<Bytes, Unread> {
        let look = self.look(left, most.saturating_add(1)).await?;
        if self.data(&look).len() > most {
            return Err(Unread::TooLarge { most });
        }
        self.whole(look, most).await
    }

    /// Reads a body to its end, and keeps nothing of it.
    pub(crate) async fn skip(&mut self, left: &mut Left) -> Result<(), Unread> {
        loop {
            let taken = left.advance(self.unread, None)?;
            self.unread.advance(taken);
            if left.is_done() {
                return Ok(());
            }
            if self.fill(LARGE).await? == 0 {
                return if *left == Left::UntilClose { Ok(()) } else { Err(Unread::cut()) };
            }
        }
    }

    /// Reads the next piece of a body that is not done; `None` where the connection has ended, and the body with it.
    pub(crate) async fn piece(&mut self, left: &mut Left) -> Result<Option<Bytes>, Unread> {
        if self.unread.is_empty() && self.fill(LARGE).await? == 0 {
            return if *left == Left::UntilClose { Ok(None) } else { Err(Unread::cut()) };
        }
        Ok(Some(self.begun(left)?))
    }

    /// Reads a body to its end, and takes it as it is: chunks as chunks.
    pub(crate) async fn raw(&mut self, left: Left, most: usize) -> Result<Bytes, Unread> {
        if left.is_done() {
            return Ok(Bytes::new());
        }
        let look = self.look(left, most.saturating_add(1)).await?;
        if !look.is_whole() || look.taken > 2 * most {
            return Err(Unread::TooLarge { most });
        }
        Ok(self.take(&look))
    }

    /// Gives the memory back that a large body took.
    pub(crate) fn forget(&mut self) {
        if self.unread.is_empty() {
            *self.unread = BytesMut::new();
        }
    }

    /// Reads once, with room for so much; 0 at the end of the connection.
    async fn fill(&mut self, room: usize) -> io::Result<usize> {
        if self.unread.capacity() - self.unread.len() < room.min(SMALL / 2) || room > SMALL {
            self.unread.reserve(room);
        }
        self.half.read_buf(self.unread).await
    }
}

/// How long the head is at the beginning of these bytes, if its end is there; the first `searched` of them are known not to hold it.
/// Whether its lines end as they have to is seen when it is read; where its end is not there, a line that ends in a newline alone
/// would be waited on for ever.
fn end_of_head(bytes: &[u8], searched: usize) -> Result<Option<usize>, Malformed> {
    let from = searched.saturating_sub(END.len() - 1);
    if let Some(end) = FIND_END.find(bytes.get(from..).unwrap_or_default()) {
        return Ok(Some(from + end + END.len()));
    }
    let new = bytes.get(searched..).unwrap_or_default();
    let whole = |newline| bytes.get(..searched + newline).is_some_and(|line| line.ends_with(b"\r"));
    if memchr_iter(b'\n', new).all(whole) { Ok(None) } else { Err(Malformed::Head) }
}

/// What was seen of a body.
#[derive(Debug)]
pub(crate) struct Look {
    /// What is left of it behind that.
    pub(crate) left: Left,
    /// So many bytes of the connection are the body's.
    taken: usize,
    /// The data of its chunks.
    decoded: Option<Vec<u8>>,
    /// The connection has ended, and the body with it.
    ended: bool,
}

impl Look {
    /// Whether it is all of the body.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended || self.left.is_done()
    }
}

/// The direction that goes out.
#[derive(Debug)]
pub(crate) struct Writer<'c> {
    half: WriteHalf<'c>,
    written: usize,
}

/// Two pieces to write, one behind the other.
pub(crate) type Pieces<'p> = (&'p [u8], &'p [u8]);

impl Writer<'_> {
    /// Writes as much of two pieces as the connection takes without waiting; what is left of them.
    pub(crate) fn write_now<'p>(&mut self, first: &'p [u8], second: &'p [u8]) -> io::Result<Pieces<'p>> {
        match self.half.try_write_vectored(&[IoSlice::new(first), IoSlice::new(second)]) {
            Ok(written) => Ok(self.behind(written, (first, second))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok((first, second)),
            Err(error) => Err(error),
        }
    }

    /// Writes two pieces, as one where the connection takes them at once.
    pub(crate) async fn write(&mut self, first: &[u8], second: &[u8]) -> io::Result<()> {
        let (mut first, mut second) = (first, second);
        while !first.is_empty() || !second.is_empty() {
            let written = if second.is_empty() {
                self.half.write(first).await?
            } else if first.is_empty() {
                self.half.write(second).await?
            } else {
                self.half.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]).await?
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            (first, second) = self.behind(written, (first, second));
        }
        Ok(())
    }

    /// Counts what was written of these; what is left of them.
    fn behind<'p>(&mut self, written: usize, (first, second): Pieces<'p>) -> Pieces<'p> {
        self.written += written;
        let of_first = written.min(first.len());
        let left = |piece: &'p [u8], from: usize| piece.get(from..).unwrap_or_default();
        (left(first, of_first), left(second, written - of_first))
    }

    /// How many bytes this has written.
    pub(crate) const fn written(&self) -> usize {
        self.written
    }
}

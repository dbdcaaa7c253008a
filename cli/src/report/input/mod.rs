//! What is read: OTLP JSON, from files, folders or standard input.

mod lines;
pub(crate) mod otlp;
mod sources;
mod tally;
mod value;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;

pub use lines::MAX_DOCUMENT_BYTES;
pub use sources::InputError;
pub use tally::Tally;

use super::model::Builder;

/// Reads every source into `builder`, and says what was read and what was not.
///
/// # Errors
/// Where a source is not there or cannot be opened. What cannot be understood inside of one is counted instead.
pub(crate) fn read(inputs: &[PathBuf], builder: &mut Builder) -> Result<Tally, InputError> {
    let mut tally = Tally::default();
    for source in sources::find(inputs)? {
        let file = source.open()?;
        lines::read(&mut BufReader::with_capacity(1 << 16, file), builder, &mut tally)
            .map_err(|error| InputError::Read { path: source.path().to_owned(), error })?;
        tally.files += 1;
    }
    Ok(tally)
}

/// Reads one stream, as [`read`] does.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn read_stream(stream: &mut impl BufRead, builder: &mut Builder) -> std::io::Result<Tally> {
    let mut tally = Tally { files: 1, ..Tally::default() };
    lines::read(stream, builder, &mut tally)?;
    Ok(tally)
}

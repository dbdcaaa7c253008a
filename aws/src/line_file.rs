use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// The file is renamed at this size, and the one renamed before is gone: `/tmp` has 512 MB by default, and belongs to the function.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A file of lines that never takes more than twice 16 MiB.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    open: Option<(File, u64)>,
    max_bytes: u64,
}

impl LineFile {
    /// A file that is opened at the first line.
    pub const fn new(path: PathBuf) -> Self {
        Self::of_at_most(path, MAX_BYTES)
    }

    /// The same with another size, in bytes.
    pub const fn of_at_most(path: PathBuf, max_bytes: u64) -> Self {
        Self { path, open: None, max_bytes }
    }

    /// Appends one line, which has no line end yet.
    ///
    /// # Errors
    /// Where the file cannot be written. The next line tries again.
    pub fn append(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        let size = line.len() as u64;
        if self.open.as_ref().is_some_and(|(_, length)| length + size > self.max_bytes) {
            self.open = None;
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            fs::rename(&self.path, old)?;
        }
        let (mut file, length) = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        // In one write, so that a line is whole or, where the disk is full, the last.
        file.write_all(&line)?;
        self.open = Some((file, length + size));
        Ok(())
    }

    fn open(&self) -> io::Result<(File, u64)> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }
}

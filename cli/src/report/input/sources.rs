use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How deep folders are looked into.
const MAX_DEPTH: u32 = 8;
/// How many files of folders are read.
const MAX_FILES: usize = 10_000;
/// What names of files with OTLP JSON end with, before the number of a rotated one.
const ENDINGS: [&str; 4] = ["json", "jsonl", "ndjson", "otlp"];

/// Why an input cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// There is no such file or folder.
    #[error(
        "{} does not exist; name the file that HOPGUARD_OTLP_FILE names, a folder of such files, or - for standard input",
        path.display()
    )]
    Missing {
        /// What was named.
        path: PathBuf,
    },
    /// It is there, and cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is compressed.
    #[error("{} is compressed; unpack it first: gunzip --keep {}", path.display(), path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// A folder without any file that could be OTLP JSON.
    #[error("{} has no file whose name ends with .json, .jsonl, .ndjson or .otlp; name the files themselves", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with too many of them.
    #[error("{} has more than {MAX_FILES} files; name a part of it", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
}

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    pub(super) fn open(&self) -> Result<Box<dyn Read>, InputError> {
        let Self::File(path) = self else { return Ok(Box::new(io::stdin().lock())) };
        let failed = |error| InputError::Read { path: path.clone(), error };
        if path.extension().is_some_and(|extension| extension == "gz") {
            return Err(InputError::Compressed { path: path.clone() });
        }
        Ok(Box::new(File::open(path).map_err(failed)?))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Stdin => Path::new("standard input"),
            Self::File(path) => path,
        }
    }
}

/// The sources behind the names that were given, each once. A file that was rotated is read before its successor.
pub(super) fn find(inputs: &[PathBuf]) -> Result<Vec<Source>, InputError> {
    let mut found = Vec::new();
    for input in inputs {
        if input.as_os_str() == "-" {
            found.push(Source::Stdin);
            continue;
        }
        let meta = fs::metadata(input).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => InputError::Missing { path: input.clone() },
            _ => InputError::Read { path: input.clone(), error },
        })?;
        if meta.is_dir() {
            let mut files = BTreeSet::new();
            walk(input, input, 0, &mut files)?;
            if files.is_empty() {
                return Err(InputError::Empty { path: input.clone() });
            }
            found.extend(files.into_iter().map(Source::File));
        } else {
            let rotated = rotated(input);
            found.extend(rotated.is_file().then_some(Source::File(rotated)));
            found.push(Source::File(input.clone()));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|source| seen.insert(source.clone()));
    Ok(found)
}

/// Where the layer moves a full file to.
fn rotated(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

fn walk(top: &Path, folder: &Path, depth: u32, files: &mut BTreeSet<PathBuf>) -> Result<(), InputError> {
    let failed = |error| InputError::Read { path: folder.to_owned(), error };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_hidden(&path) {
            continue;
        }
        // Links are not followed: a folder may contain itself.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() && depth < MAX_DEPTH {
            walk(top, &path, depth + 1, files)?;
        } else if meta.is_file() && is_otlp(&path) {
            files.insert(path);
            if files.len() > MAX_FILES {
                return Err(InputError::TooMany { path: top.to_owned() });
            }
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

fn is_otlp(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name =
        name.rsplit_once('.').filter(|(_, end)| end.parse::<u32>().is_ok()).map_or(&*name, |(name, _)| name);
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_file_is_read_first_and_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("deep")).unwrap();
        for name in ["a.json", "a.json.1", "b.jsonl", "deep/c.otlp", "notes.txt", ".d.json"] {
            fs::write(path(name), "").unwrap();
        }
        let file = |name: &str| Source::File(path(name));
        let one = find(&[path("a.json"), path("a.json.1")]).unwrap();
        assert_eq!(one, [file("a.json.1"), file("a.json")]);
        let all = find(&[folder.path().to_owned(), path("a.json")]).unwrap();
        assert_eq!(all, [file("a.json"), file("a.json.1"), file("b.jsonl"), file("deep/c.otlp")]);
        assert_eq!(find(&["-".into()]).unwrap(), [Source::Stdin]);
    }

    #[test]
    fn an_error_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: PathBuf| find(&[path]).unwrap_err().to_string();
        assert!(said(folder.path().join("none.json")).contains("HOPGUARD_OTLP_FILE"));
        assert!(said(folder.path().to_owned()).contains("name the files themselves"));
        let gz = Source::File("spans.json.gz".into()).open().err().map(|error| error.to_string());
        assert!(gz.is_some_and(|said| said.contains("gunzip --keep spans.json.gz")));
    }
}

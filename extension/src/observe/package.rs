use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files that are looked at.
const MAX_FILES: usize = 20_000;
/// How long it may take.
const LIMIT: Duration = Duration::from_millis(200);

/// The size of a function's own code, in bytes on disk; `None` where it cannot be told within the limits, since a part of it would be
/// a wrong answer.
pub(crate) fn size(root: &Path) -> Option<u64> {
    let until = Instant::now() + LIMIT;
    let (mut folders, mut files, mut bytes) = (vec![root.to_owned()], 0, 0_u64);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).ok()? {
            files += 1;
            if files > MAX_FILES || Instant::now() > until {
                return None;
            }
            let entry = entry.ok()?;
            // Of a link, this is the link's own.
            let metadata = entry.metadata().ok()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes = bytes.saturating_add(metadata.len());
            }
        }
    }
    Some(bytes)
}

/// The same beside everything else.
pub(crate) async fn measure(root: PathBuf) -> Option<u64> {
    tokio::task::spawn_blocking(move || size(&root)).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_all_folders_count_and_what_cannot_be_read_has_no_size() {
        let root = std::env::temp_dir().join(format!("hopguard-package-{}", std::process::id()));
        fs::create_dir_all(root.join("a/b")).unwrap();
        for (file, bytes) in [("handler.py", 10), ("a/x", 200), ("a/b/y", 3_000)] {
            fs::write(root.join(file), vec![0; bytes]).unwrap();
        }
        std::os::unix::fs::symlink(&root, root.join("a/circle")).unwrap();
        let link = fs::symlink_metadata(root.join("a/circle")).unwrap().len();
        assert_eq!(size(&root), Some(3_210 + link));
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(size(&root), None);
    }
}

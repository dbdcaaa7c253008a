//! What a binary needs of its system's C library, by the version names in its symbol table.

/// Major and minor.
pub(super) type Version = (u32, u32);

/// The newest glibc that the binary names; `None` where it names none, as a static one does.
///
/// Versions stand in the dynamic string table, `GLIBC_2.17`, each ended by a zero byte. Whatever else in the binary looks
/// like that counts too, so that the answer is never too low.
pub(super) fn newest_glibc(binary: &[u8]) -> Option<Version> {
    const PREFIX: &[u8] = b"GLIBC_";
    let mut newest = None;
    let mut rest = binary;
    while let Some(at) = rest.windows(PREFIX.len()).position(|window| window == PREFIX) {
        rest = rest.get(at + PREFIX.len()..).unwrap_or_default();
        newest = newest.max(version(rest));
    }
    newest
}

fn version(text: &[u8]) -> Option<Version> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let mut numbers = std::str::from_utf8(text.get(..end)?).ok()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts() {
        let cases: [(&[u8], Option<Version>); 5] = [
            (b"\0GLIBC_2.2.5\0GLIBC_2.17\0GLIBC_2.9\0", Some((2, 17))),
            (b"GLIBC_2.34\0", Some((2, 34))),
            (b"GLIBC_PRIVATE\0", None),
            (b"static", None),
            (b"GLIBC_", None),
        ];
        for (binary, expected) in cases {
            assert_eq!(newest_glibc(binary), expected, "{}", String::from_utf8_lossy(binary));
        }
    }

    #[test]
    fn this_program_needs_some() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(newest_glibc(&own).is_some_and(|(major, _)| major == 2));
    }
}

//! `cargo xtask purity`: core decides and does no IO, by what it is made of.
//!
//! What it calls in the standard library is clippy's to watch, by `core/clippy.toml`.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{graph::Graph, house, process, workspace::Workspace};

/// Everything that `hopguard-core` may be made of, and why it is harmless. None opens a file or a socket, reads a clock or
/// the environment, or starts a thread at run time.
const ALLOWED: &[(&str, &str)] = &[
    ("aho-corasick", "searches many needles at once in bytes"),
    ("base64", "codes and decodes bytes"),
    ("block-buffer", "of sha2: the block that is being filled"),
    ("cfg-if", "of sha2: a macro"),
    ("cpufeatures", "of sha2: asks the processor for its SHA instructions"),
    ("crypto-common", "of sha2 and hmac: traits"),
    ("digest", "of sha2 and hmac: traits"),
    ("equivalent", "of indexmap: a trait"),
    ("foldhash", "of indexmap: hashes, seeded by addresses"),
    ("generic-array", "of sha2: arrays by type-level length"),
    ("hashbrown", "of indexmap: a hash table"),
    ("hmac", "signs tokens"),
    ("indexmap", "of serde_json where another member asks for the order of keys"),
    ("itoa", "writes integers"),
    ("libc", "of cpufeatures on ARM: one call that asks for processor features"),
    ("memchr", "searches bytes"),
    ("proc-macro2", "of thiserror, at compile time"),
    ("quote", "of thiserror, at compile time"),
    ("serde_core", "of serde_json: traits"),
    ("serde_json", "reads JSON from memory"),
    ("sha2", "hashes function names and chain roots"),
    ("subtle", "of hmac: compares in constant time"),
    ("syn", "of thiserror, at compile time"),
    ("thiserror", "implements Error"),
    ("thiserror-impl", "of thiserror, at compile time"),
    ("typenum", "of generic-array: numbers as types"),
    ("unicode-ident", "of syn, at compile time"),
    ("version_check", "of generic-array, in its build script"),
    ("zmij", "of serde_json: writes floating point numbers"),
];

const CORE: &str = "hopguard-core";

/// Prints what was found, or fails with every violation.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    println!("{}", check(workspace)?);
    Ok(ExitCode::SUCCESS)
}

/// Checks this workspace; on success, says what was checked.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let metadata =
        process::output(workspace.cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata = serde_json::from_str(&metadata).context("`cargo metadata` printed something else")?;
    let graph = Graph::read(&metadata)?;
    let mut wrong = impurities(&graph)?;
    wrong.extend(house::wrong_imports(&graph));
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let (below, members) = (graph.below(CORE)?.len(), graph.members.len());
    Ok(format!(
        "{CORE} is made of {below} packages, all of them known to do no IO;\nimports of {members} packages run one way"
    ))
}

fn impurities(graph: &Graph) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, version) in graph.below(CORE)? {
        if !ALLOWED.iter().any(|(allowed, _)| *allowed == name) {
            wrong.push(format!(
                "{CORE} is made of {name} {version}, which xtask/src/purity.rs does not allow: do without it, or list it there with the reason why it does no IO"
            ));
        }
        versions.entry(name).or_default().push(version);
    }
    for (name, versions) in versions.into_iter().filter(|(_, versions)| versions.len() > 1) {
        wrong.push(format!(
            "{CORE} is made of {name} in {} versions: {}",
            versions.len(),
            versions.join(", ")
        ));
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::graph;

    #[test]
    fn a_package_that_nobody_allowed_is_found_however_deep() {
        type Case<'c> = (&'c str, &'c [(&'c str, &'c [&'c str])], Option<&'c str>);
        let cases: &[Case<'_>] = &[
            ("allowed", &[("serde_json", &["itoa"]), ("itoa", &[])], None),
            ("for tests only", &[("serde_json", &["tokio!"]), ("tokio", &[])], None),
            (
                "deep",
                &[("serde_json", &["itoa"]), ("itoa", &["tokio"]), ("tokio", &[])],
                Some("hopguard-core is made of tokio 1.0.0"),
            ),
        ];
        for (name, others, expected) in cases {
            let wrong = impurities(&graph(&[(CORE, &["serde_json"])], others)).unwrap();
            let met = wrong
                .first()
                .map(String::as_str)
                .zip(*expected)
                .map(|(wrong, expected)| wrong.starts_with(expected));
            assert_eq!(
                (wrong.len(), met.unwrap_or(true)),
                (usize::from(expected.is_some()), true),
                "{name}: {wrong:?}"
            );
        }
    }

    #[test]
    fn the_list_is_sorted_and_each_has_a_reason() {
        assert!(ALLOWED.is_sorted());
        assert!(ALLOWED.iter().all(|(_, reason)| !reason.is_empty()));
    }
}

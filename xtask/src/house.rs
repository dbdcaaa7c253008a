//! Which package of this workspace may import which.

use crate::graph::Graph;

/// A package and what it may import.
#[derive(Debug)]
struct Room {
    package: &'static str,
    /// What its manifest may name.
    may_import: &'static [&'static str],
    /// Which of these only a feature may bring in.
    behind_feature: &'static [&'static str],
}

/// Imports run one way: tests, xtask, cli, extension, middleware → aws → core. What middleware and extension both need is
/// in core or aws.
const HOUSE: &[Room] = &[
    Room { package: "hopguard-core", may_import: &[], behind_feature: &[] },
    Room { package: "hopguard-aws", may_import: &["hopguard-core"], behind_feature: &[] },
    Room {
        package: "hopguard",
        may_import: &["hopguard-core", "hopguard-aws"],
        behind_feature: &["hopguard-aws"],
    },
    Room {
        package: "hopguard-extension",
        may_import: &["hopguard-core", "hopguard-aws"],
        behind_feature: &[],
    },
    Room { package: "hopguard-cli", may_import: &["hopguard-core", "hopguard-aws"], behind_feature: &[] },
    Room {
        package: "hopguard-tests",
        may_import: &["hopguard-core", "hopguard-aws", "hopguard", "hopguard-extension", "hopguard-cli"],
        behind_feature: &[],
    },
    // Drives programs, and links none of ours: what it measures is built as it is shipped.
    Room { package: "hopguard-bench", may_import: &[], behind_feature: &[] },
    // Small, so that each command starts soon.
    Room { package: "xtask", may_import: &["hopguard-core"], behind_feature: &[] },
];

/// Every import that runs the wrong way.
pub(crate) fn wrong_imports(graph: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, member) in &graph.members {
        let Some(room) = HOUSE.iter().find(|room| room.package == name) else {
            wrong.push(format!("{name} has no place in xtask/src/house.rs: say there what it may import"));
            continue;
        };
        for (imported, need) in member.needs.iter().filter(|(need, _)| graph.members.contains_key(*need)) {
            if imported == name {
                // A package may name itself for its own tests, to switch a feature on.
                continue;
            }
            if !room.may_import.contains(&imported.as_str()) {
                wrong.push(format!("{name} imports {imported}: imports run one way, see xtask/src/house.rs"));
            } else if need.always && room.behind_feature.contains(&imported.as_str()) {
                wrong.push(format!(
                    "{name} imports {imported} always: it is to be `optional = true`, behind a feature"
                ));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::graph;

    #[test]
    fn imports_run_one_way() {
        let good: &[(&str, &[&str])] = &[
            ("hopguard-core", &["memchr"]),
            ("hopguard-aws", &["hopguard-core"]),
            ("hopguard", &["hopguard-core", "hopguard-aws?"]),
            ("hopguard-extension", &["hopguard-core", "hopguard-aws"]),
        ];
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("hopguard-core", &["hopguard-aws"], &["hopguard-core imports hopguard-aws"]),
            ("hopguard-core", &["hopguard!"], &["hopguard-core imports hopguard"]),
            ("hopguard", &["hopguard-aws"], &["hopguard imports hopguard-aws always"]),
            ("hopguard", &["hopguard-extension"], &["hopguard imports hopguard-extension"]),
            ("hopguard-extension", &["hopguard?"], &["hopguard-extension imports hopguard"]),
            ("hopguard-new", &[], &["hopguard-new has no place"]),
            ("hopguard-cli", &["hopguard-core"], &[]),
        ];
        let others: &[(&str, &[&str])] = &[("memchr", &[])];
        assert_eq!(wrong_imports(&graph(good, others)), Vec::<String>::new());
        for (name, needs, expected) in cases {
            let mut members: Vec<_> = good.iter().filter(|(package, _)| package != name).copied().collect();
            members.push((name, needs));
            let wrong = wrong_imports(&graph(&members, others));
            let met = wrong.iter().zip(*expected).all(|(wrong, expected)| wrong.starts_with(expected));
            assert!(met && wrong.len() == expected.len(), "{name}: {wrong:?}");
        }
    }
}

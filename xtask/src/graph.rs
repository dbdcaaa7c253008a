//! The packages that cargo would build, and who needs whom.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// What `cargo metadata` tells, as far as the checks need it.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// The packages of this workspace, by name.
    pub(crate) members: BTreeMap<String, Member>,
    /// Every package's name and version, by id.
    names: BTreeMap<String, (String, String)>,
    /// The ids of the packages that go into a package, or into the build of it.
    edges: BTreeMap<String, BTreeSet<String>>,
}

/// A package of this workspace.
#[derive(Debug, Default)]
pub(crate) struct Member {
    id: String,
    /// The names of the packages that its manifest names, in any table.
    pub(crate) needs: BTreeMap<String, Need>,
}

/// How a manifest names a package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// In `[dependencies]` or `[build-dependencies]` without `optional = true`.
    pub(crate) always: bool,
}

impl Graph {
    /// Reads the answer of `cargo metadata --format-version 1`.
    pub(crate) fn read(metadata: &Value) -> Result<Self> {
        let mut graph = Self::default();
        let members = strings(metadata, "workspace_members")?;
        for package in list(metadata, "packages")? {
            let (id, name) = (string(package, "id")?, string(package, "name")?);
            graph.names.insert(id.clone(), (name.clone(), string(package, "version")?));
            if members.contains(&id) {
                let mut member = Member { id, ..Member::default() };
                for need in list(package, "dependencies")? {
                    let optional = need.get("optional").and_then(Value::as_bool).unwrap_or_default();
                    let dev = need.get("kind").and_then(Value::as_str) == Some("dev");
                    member.needs.entry(string(need, "name")?).or_default().always |= !optional && !dev;
                }
                graph.members.insert(name, member);
            }
        }
        for node in list(metadata.get("resolve").unwrap_or(&Value::Null), "nodes")? {
            let into = list(node, "deps")?.iter().filter(|edge| is_built_in(edge));
            let into = into.map(|edge| string(edge, "pkg")).collect::<Result<_>>()?;
            graph.edges.insert(string(node, "id")?, into);
        }
        Ok(graph)
    }

    /// Name and version of everything that a member is made of, itself not counted.
    pub(crate) fn below(&self, member: &str) -> Result<BTreeSet<(String, String)>> {
        let member =
            self.members.get(member).with_context(|| format!("no package {member} in this workspace"))?;
        let mut found = BTreeSet::new();
        let mut open = vec![&member.id];
        while let Some(id) = open.pop() {
            let next = self.edges.get(id).with_context(|| format!("cargo resolved nothing for {id}"))?;
            open.extend(next.iter().filter(|id| found.insert(*id)));
        }
        let name = |id: &String| self.names.get(id).cloned().with_context(|| format!("{id} has no name"));
        found.into_iter().map(name).collect()
    }
}

/// Whether an edge is of a kind and a platform that anything is ever built for: not for tests, and not `cfg(any())`,
/// which names a version without using it.
fn is_built_in(edge: &Value) -> bool {
    let kinds = edge.get("dep_kinds").and_then(Value::as_array);
    kinds.into_iter().flatten().any(|kind| {
        kind.get("kind").and_then(Value::as_str) != Some("dev")
            && kind.get("target").and_then(Value::as_str) != Some("cfg(any())")
    })
}

fn list<'v>(value: &'v Value, key: &str) -> Result<&'v Vec<Value>> {
    value.get(key).and_then(Value::as_array).with_context(|| format!("cargo metadata has no list {key:?}"))
}

fn string(value: &Value, key: &str) -> Result<String> {
    let text = value.get(key).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("cargo metadata has no text {key:?}"))
}

fn strings(value: &Value, key: &str) -> Result<BTreeSet<String>> {
    Ok(list(value, key)?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace of `members`, each with what it needs as `name`, `name?` (optional) or `name!` (for tests only), and
    /// of `others` with what they are made of.
    pub(crate) fn graph(members: &[(&str, &[&str])], others: &[(&str, &[&str])]) -> Graph {
        let package = |(name, needs): &(&str, &[&str])| {
            let needs = needs.iter().map(|need| {
                let kind = if need.ends_with('!') { json!("dev") } else { Value::Null };
                json!({"name": bare(need), "kind": kind, "optional": need.ends_with('?')})
            });
            json!({"id": name, "name": name, "version": "1.0.0", "dependencies": needs.collect::<Vec<_>>()})
        };
        let node = |(name, needs): &(&str, &[&str])| {
            let edges = needs.iter().map(|need| {
                let kind = if need.ends_with('!') { json!("dev") } else { Value::Null };
                let target = if need.ends_with('~') { json!("cfg(any())") } else { Value::Null };
                json!({"name": bare(need), "pkg": bare(need), "dep_kinds": [{"kind": kind, "target": target}]})
            });
            json!({"id": name, "deps": edges.collect::<Vec<_>>()})
        };
        let all = || members.iter().chain(others);
        let metadata = json!({
            "workspace_members": members.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "packages": all().map(package).collect::<Vec<_>>(),
            "resolve": {"nodes": all().map(node).collect::<Vec<_>>()},
        });
        Graph::read(&metadata).unwrap()
    }

    fn bare(need: &str) -> &str {
        need.trim_end_matches(['?', '!', '~'])
    }

    #[test]
    fn follows_what_is_built_in() {
        let graph = graph(
            &[("core", &["json", "proptest!"])],
            &[
                ("json", &["itoa", "derive~"]),
                ("itoa", &[]),
                ("derive", &[]),
                ("proptest", &["rand"]),
                ("rand", &[]),
            ],
        );
        let below: Vec<_> = graph.below("core").unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(below, ["itoa", "json"]);
        assert!(graph.below("cli").is_err());
    }

    #[test]
    fn tells_a_need_from_an_option() {
        let graph = graph(
            &[("middleware", &["aws?", "core", "proptest!"])],
            &[("aws", &[]), ("core", &[]), ("proptest", &[])],
        );
        let needs = &graph.members.get("middleware").unwrap().needs;
        let always = |name: &str| needs.get(name).copied();
        assert_eq!(always("aws"), Some(Need { always: false }));
        assert_eq!(always("core"), Some(Need { always: true }));
        assert_eq!(always("proptest"), Some(Need { always: false }));
    }

    #[test]
    fn what_is_no_metadata_is_an_error() {
        assert!(Graph::read(&json!({})).unwrap_err().to_string().contains("workspace_members"));
    }
}

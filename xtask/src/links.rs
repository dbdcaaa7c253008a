//! Whether links from one page of the repository to another lead anywhere.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;

/// Folders without pages of ours.
const PASSED_OVER: [&str; 2] = ["target", "node_modules"];
/// No folder of the checkout lies deeper.
const MAX_DEPTH: usize = 8;

/// Fails where a page links to a file or a heading that is not there, and names every such link.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let root = workspace.path("");
    let mut pages = BTreeMap::new();
    read_pages(&root, 0, &mut pages)?;
    let mut dead = Vec::new();
    for (page, text) in &pages {
        for link in links(text) {
            if !leads_somewhere(page, link, &pages) {
                dead.push(format!("{}: {link}", page.strip_prefix(&root).unwrap_or(page).display()));
            }
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    bail!("links that lead nowhere:\n{}", dead.join("\n"))
}

fn read_pages(folder: &Path, depth: usize, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    let cannot_read = |path: &Path| format!("cannot read {}", path.display());
    for entry in fs::read_dir(folder).with_context(|| cannot_read(folder))? {
        let path = entry.with_context(|| cannot_read(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || PASSED_OVER.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() && !path.is_symlink() && depth < MAX_DEPTH {
            read_pages(&path, depth + 1, pages)?;
        } else if name.ends_with(".md") {
            let text = fs::read_to_string(&path).with_context(|| cannot_read(&path))?;
            pages.insert(path, text);
        }
    }
    Ok(())
}

/// The targets of links and pictures, without those in blocks of code.
fn links(text: &str) -> Vec<&str> {
    prose(text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next()).collect()
}

/// The lines that are not in blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

fn leads_somewhere(page: &Path, link: &str, pages: &BTreeMap<PathBuf, String>) -> bool {
    if link.contains(':') {
        return true;
    }
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let target = if file.is_empty() { page.to_owned() } else { beside(page, file) };
    match (heading, pages.get(&target)) {
        (Some(heading), Some(text)) => anchors(text).iter().any(|anchor| anchor == heading),
        (Some(_), None) => false,
        (None, known) => known.is_some() || target.exists(),
    }
}

/// The file that a page calls by its path from the page's own folder.
fn beside(page: &Path, file: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(page).to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_files_and_headings() {
        let page = PathBuf::from("/r/docs/a.md");
        let pages = BTreeMap::from([
            (page.clone(), "# A function is at 0\n".to_owned()),
            (PathBuf::from("/r/README.md"), "## See `it`, now\n```sh\n# no heading\n```\n".to_owned()),
        ]);
        let cases = [
            ("../README.md", true),
            ("../README.md#see-it-now", true),
            ("../README.md#no-heading", false),
            ("../README.md#see-it", false),
            ("README.md", false),
            ("#a-function-is-at-0", true),
            ("#b", false),
            ("nowhere.svg#part", false),
            ("https://example.com/#x", true),
        ];
        for (link, expected) in cases {
            assert_eq!(leads_somewhere(&page, link, &pages), expected, "{link}");
        }
    }

    #[test]
    fn what_stands_in_code_is_no_link() {
        let text = "a [b](c.md) and ![d](e.png)\n```rust\nlet x = y[0](f.md);\n```\n[![g](h.png)](i.md)\n";
        assert_eq!(links(text), ["c.md", "e.png", "h.png", "i.md"]);
    }
}

//! The page in a browser: at a phone's and a desktop's width, in light and dark.
#![allow(unreachable_pub, missing_docs, clippy::type_complexity, reason = "nobody links a test")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "it may stop"
)]

#[path = "kit/chromium.rs"]
mod chromium;
mod kit;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chromium::Page;
use kit::{Run, Spans};
use serde_json::json;

const WIDTHS: [u32; 2] = [390, 1440];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// What is wider than the page, if anything. What scrolls inside of its own region may be.
const OVERFLOWING: &str = r"(() => {
  const most = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll('body *')].filter((element) =>
    !element.closest('.scroll .graph') && !element.closest('.markers') && !(most > 820 && element.closest('.scroll')) && element.getBoundingClientRect().right > most + 0.5 && element.getClientRects().length);
  const of = (element) => element.tagName + '.' + element.getAttribute('class') + ' ' + element.textContent.slice(0, 40);
  return { page: document.documentElement.scrollWidth - most, wide: wide.slice(0, 5).map(of) };
})()";

/// Texts with too little contrast to what is behind them: 4.5, and 3 where they are large (WCAG 2.2, AA).
const FAINT: &str = r"(() => {
  const rgb = (text) => (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((part) => part / 255).map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const solid = (color) => color.length < 4 || color[3] > 0.99;
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      if (at.matches?.('g.node')) {
        const rect = element.classList.contains('mark') ? at.querySelector('rect.mark') : at.querySelector('rect');
        const fill = getComputedStyle(rect).fill;
        if (fill !== 'none') return rgb(fill);
      }
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (solid(color)) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.getClientRects().length || element.closest('script, style, title, .sr, .skip')) continue;
    const style = getComputedStyle(element);
    const front = rgb(element.closest('svg') ? style.fill : style.color);
    const [light, dark] = [luminance(front), luminance(behind(element))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (light + 0.05) / (dark + 0.05);
    seen += 1;
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${element.tagName}.${element.getAttribute('class')} ${node.data.trim().slice(0, 30)}`);
  }
  return { seen, faint: faint.slice(0, 8) };
})()";

fn report(folder: &Path, spans: &str) -> PathBuf {
    let (input, page) = (folder.join("spans.json"), folder.join("report.html"));
    fs::write(&input, spans).unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_hopguard"))
        .arg("report")
        .arg(&input)
        .arg("--out")
        .arg(&page)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    page
}

/// Where pictures go, where they are wanted: `HOPGUARD_PICTURES=folder cargo nextest run -p hopguard-cli --test page`.
fn pictures() -> Option<PathBuf> {
    std::env::var_os("HOPGUARD_PICTURES").map(PathBuf::from)
}

#[test]
fn it_is_right_at_every_width_and_in_every_scheme() {
    let folder = tempfile::tempdir().unwrap();
    let file = report(folder.path(), &kit::sample::shop().lines());
    let mut page = Page::open();
    for width in WIDTHS {
        for scheme in SCHEMES {
            let here = format!("{width} {scheme}");
            page.show(&file, width, scheme);
            let check = |page: &mut Page, state: &str| {
                let overflow = page.value(OVERFLOWING);
                assert_eq!(
                    (overflow["page"].as_i64(), &overflow["wide"]),
                    (Some(0), &json!([])),
                    "{here} {state}"
                );
                let contrast = page.value(FAINT);
                assert_eq!(contrast["faint"], json!([]), "{here} {state}");
                contrast["seen"].as_u64().unwrap()
            };
            check(&mut page, "closed");
            // One is opened by its link, as a reader does it; for the picture the others stay closed.
            page.value("document.querySelector('.shape a')?.click()");
            page.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
            assert_eq!(page.value("document.querySelectorAll('details.run[open]').length"), 1, "{here}");
            if let Some(folder) = pictures() {
                page.value("[...document.querySelectorAll('details.run')].filter((run) => /2 retries/.test(run.textContent)).forEach((run) => { run.open = true; })");
                page.picture(&folder.join(format!("report-{width}-{scheme}.png")), 12_000);
            }
            page.value("document.getElementById('open').click()");
            assert!(check(&mut page, "open") > 1_000, "{here}");
            let text = page.value("document.body.innerText");
            let text = text.as_str().unwrap();
            for said in [
                "hopguard report",
                "Findings",
                "Cost by function",
                "Chains",
                "Invocations",
                "recursion",
                "1 blocked",
                "create-order",
                "process-payment",
                "visit 6",
                "0.0000166667",
                &hopguard_core::wait::Price::default().date,
                "How to read this",
            ] {
                assert!(text.contains(said), "{here}: {said}");
            }
            let shown = |page: &mut Page, flow: &str| {
                page.value(&format!("[...document.querySelectorAll('svg.{flow}')].every((one) => one.getClientRects().length === 1)"))
            };
            assert_eq!(
                (shown(&mut page, "wide"), shown(&mut page, "narrow")),
                (json!(width > 820), json!(width <= 820)),
                "{here}"
            );
        }
    }
    assert_eq!(page.complaints, Vec::<String>::new());
    let elsewhere: Vec<_> =
        page.requests.iter().filter(|address| **address != format!("file://{}", file.display())).collect();
    assert_eq!(elsewhere, Vec::<&String>::new(), "the page asked the network for something");
}

#[test]
fn it_is_used_by_keyboard_and_read_aloud() {
    let folder = tempfile::tempdir().unwrap();
    let file = report(folder.path(), &kit::sample::shop().lines());
    let mut page = Page::open();
    page.show(&file, 390, "light");
    page.press("Tab", 9);
    assert_eq!(page.value("document.activeElement.textContent"), "Skip to the findings");
    page.value("document.querySelector('details.run summary').focus()");
    page.press("Enter", 13);
    assert_eq!(page.value("document.querySelector('details.run').open"), true);
    // A table stays one for those who cannot see it, also where it is laid out as a list.
    assert_eq!(page.value("[...document.querySelectorAll('table.cost, table.cost tr, table.cost tbody th')].every((one) => one.hasAttribute('role'))"), true);
    assert_eq!(page.value("[...document.querySelectorAll('svg[role=img]')].every((one) => one.getAttribute('aria-label') || one.querySelector('title').textContent)"), true);
    assert_eq!(page.value("document.querySelectorAll('h1').length"), 1);
    assert_eq!(page.value("new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size === document.querySelectorAll('[id]').length"), true);
    assert_eq!(page.value("[...document.querySelectorAll('a[href^=\"#\"]')].every((one) => document.getElementById(one.hash.slice(1)))"), true);
    // Choosing a function leaves only its invocations.
    page.value("(() => { const pick = document.getElementById('pick'); pick.value = 'thumbnail'; pick.dispatchEvent(new Event('change')); })()");
    let left = page.value(
        "[...document.querySelectorAll('details.run:not([hidden])')].map((one) => one.dataset.function)",
    );
    assert!(
        left.as_array().unwrap().iter().all(|name| name == "thumbnail")
            && !left.as_array().unwrap().is_empty(),
        "{left}"
    );
    // A link to another one brings all back.
    page.value("document.querySelector('.shape a').click()");
    assert_eq!(page.value("document.getElementById(location.hash.slice(1)).open"), true);
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn hostile_names_are_text() {
    let hostile = [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "\"><svg onload=alert(1)>",
        "</style><style>*{display:none}</style>",
        "javascript:alert(1)//'`${alert(1)}",
        "\u{202e}evil\u{1b}[31m",
        "a very long name ".repeat(40).leak() as &str,
        "unbrokenunbrokenunbroken".repeat(10).leak() as &str,
    ];
    let mut spans = Spans::default();
    for (number, name) in hostile.iter().enumerate() {
        let trace = number as u128 + 1;
        let run = Run::new(name, "sqs", trace, 1.0, 90.0)
            .with("hopguard.route", json!(name))
            .with("error.type", json!(name))
            .with("messaging.destination.name", json!(name));
        let made = spans.run(run);
        let sent = spans.call_with(
            &made,
            name,
            name,
            5.0,
            60.0,
            &[("error.type", json!(name))],
            json!([]),
            json!([]),
        );
        spans.run(
            Run::new(&format!("{name}2"), "s3", trace, 70.0, 20.0)
                .sent_by(&sent, 1, 2)
                .with("hopguard.blocked", json!(true)),
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let file = report(folder.path(), &spans.lines());
    let mut page = Page::open();
    for width in WIDTHS {
        page.show(&file, width, "light");
        page.value("document.getElementById('open').click()");
        assert_eq!(page.value("document.querySelectorAll('img, [onerror], [onload], [onclick]').length"), 0);
        assert_eq!(
            page.value("[document.scripts.length, document.querySelectorAll('style').length].join()"),
            "1,1"
        );
        assert_eq!(
            page.value(
                "[...document.querySelectorAll('a')].every((one) => one.getAttribute('href').startsWith('#'))"
            ),
            true
        );
        let text = page.value("document.body.innerText");
        assert!(text.as_str().unwrap().contains("<img src=x onerror=alert(1)>"));
        let overflow = page.value(OVERFLOWING);
        assert_eq!((overflow["page"].as_i64(), &overflow["wide"]), (Some(0), &json!([])), "{width}");
    }
    assert_eq!(page.complaints, Vec::<String>::new());
}

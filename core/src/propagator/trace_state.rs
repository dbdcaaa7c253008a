use memchr::memchr;

use crate::propagator::{HOPGUARD, split};
use crate::token::Rejected;

/// The most members that a W3C `tracestate` may have.
const MAX_MEMBERS: usize = 32;

/// A W3C `tracestate`, as our member and the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceState<'t> {
    /// The token in our member; an error where there are two.
    pub ours: Option<Result<&'t [u8], Rejected>>,
    text: &'t [u8],
    has_others: bool,
}

impl<'t> TraceState<'t> {
    /// Reads a `tracestate`. Members of others that are not `key=value` in printable ASCII are left out.
    pub fn parse(text: &'t str) -> Self {
        Self::read(text.as_bytes())
    }

    /// The same, of a text that may be none.
    pub(crate) fn read(text: &'t [u8]) -> Self {
        let mut state = Self { ours: None, text, has_others: false };
        for member in split(text, b',') {
            match (ours(member), state.ours) {
                (Some(token), None) => state.ours = Some(Ok(token)),
                (Some(_), Some(_)) => state.ours = Some(Err(Rejected::Duplicate)),
                (None, _) => state.has_others |= other(member).is_some(),
            }
        }
        state
    }

    /// The members of other systems, in order.
    pub fn others(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        split(self.text, b',').filter(|member| ours(member).is_none()).filter_map(other)
    }

    /// The members of other systems as a `tracestate`; `None` where there are none.
    pub fn others_text(&self) -> Option<String> {
        if !self.has_others {
            return None;
        }
        // Exactly as long as it will be, so that a box of it is the same memory.
        let len = self.others().map(|member| member.len() + 1).sum::<usize>();
        let mut text = String::with_capacity(len.saturating_sub(1));
        push_members(&mut text, self.others());
        Some(text)
    }

    /// A `tracestate` with our member first and then the others, as many as the specification allows.
    pub fn with(token: &str, others: impl Iterator<Item = &'t str>) -> String {
        let mut text = String::with_capacity(HOPGUARD.len() + 1 + token.len());
        text.push_str(HOPGUARD);
        text.push('=');
        text.push_str(token);
        push_members(&mut text, others.take(MAX_MEMBERS - 1));
        text
    }
}

fn push_members<'t>(text: &mut String, members: impl Iterator<Item = &'t str>) {
    for member in members {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(member);
    }
}

/// The token, where this is our member.
fn ours(member: &[u8]) -> Option<&[u8]> {
    member.strip_prefix(HOPGUARD.as_bytes())?.strip_prefix(b"=")
}

/// The text, where this is `key=value` in printable ASCII.
fn other(member: &[u8]) -> Option<&str> {
    let is_printable = member.iter().all(|byte| (0x20..=0x7e).contains(byte));
    let is_named = memchr(b'=', member).is_some_and(|at| at > 0);
    if is_printable && is_named { std::str::from_utf8(member).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_member_comes_first_and_the_others_keep_their_order() {
        let state = TraceState::parse(" rojo=1 ,hopguard=old,, congo=t61 ,broken,n\u{e9}=1");
        assert_eq!(state.ours, Some(Ok(&b"old"[..])));
        assert_eq!(state.others_text().as_deref(), Some("rojo=1,congo=t61"));
        assert_eq!(TraceState::with("new", state.others()), "hopguard=new,rojo=1,congo=t61");
        assert_eq!(TraceState::parse("hopguard=x").others_text(), None);
        assert_eq!(TraceState::parse("hopguardian=x").ours, None);
        let garbled = TraceState::parse("a=1,hopguard=n\u{e9}");
        assert_eq!(garbled.ours, Some(Ok("n\u{e9}".as_bytes())), "malformed, not absent");
        assert_eq!(garbled.others_text().as_deref(), Some("a=1"));
    }

    #[test]
    fn the_last_members_give_way_beyond_32() {
        let full = (0..32).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        let text = TraceState::with("t", TraceState::parse(&full).others());
        assert_eq!(text.split(',').count(), 32);
        assert!(text.ends_with("k30=v"));
    }
}

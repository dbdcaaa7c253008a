use crate::propagator::HOPGUARD;
use crate::token::Rejected;

/// The most members that a W3C `tracestate` may have.
const MAX_MEMBERS: usize = 32;

/// A W3C `tracestate`, as our member and the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceState<'t> {
    /// The token in our member; an error where there are two.
    pub ours: Option<Result<&'t str, Rejected>>,
    text: &'t str,
    has_others: bool,
}

impl<'t> TraceState<'t> {
    /// Reads a `tracestate`. Members that are not `key=value` in printable ASCII are left out.
    pub fn parse(text: &'t str) -> Self {
        let mut state = Self { ours: None, text, has_others: false };
        if is_one_member(text.as_bytes()) {
            // Most states hold nothing but our own member.
            state.take(text.trim_ascii());
        } else {
            members(text).for_each(|member| state.take(member));
        }
        state
    }

    fn take(&mut self, member: &'t str) {
        match (ours(member), self.ours) {
            (Some(token), None) => self.ours = Some(Ok(token)),
            (Some(_), Some(_)) => self.ours = Some(Err(Rejected::Duplicate)),
            (None, _) => self.has_others |= is_named(member),
        }
    }

    /// The members of other systems, in order.
    pub fn others(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        members(self.text).filter(|member| ours(member).is_none())
    }

    /// The members of other systems as a `tracestate`; `None` where there are none.
    pub fn others_text(&self) -> Option<String> {
        if !self.has_others {
            return None;
        }
        let mut text = String::with_capacity(self.text.len());
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

fn members(text: &str) -> impl Iterator<Item = &str> {
    let members = text.split(',').map(str::trim_ascii);
    members.filter(|member| member.bytes().all(|byte| is_printable(&byte)) && is_named(member))
}

/// Whether something stands before an equals sign.
fn is_named(member: &str) -> bool {
    member.split_once('=').is_some_and(|(key, _)| !key.is_empty())
}

const fn is_printable(byte: &u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// Whether this is printable ASCII without a comma. Without branches in a chunk, so that the compiler makes vector
/// instructions of it; `false` for what is shorter than one.
fn is_one_member(text: &[u8]) -> bool {
    let is_one = |chunk: &[u8; 16]| {
        chunk.iter().fold(true, |is_one, byte| is_one & is_printable(byte) & (*byte != b','))
    };
    text.last_chunk().is_some_and(is_one) && text.as_chunks().0.iter().all(is_one)
}

fn ours(member: &str) -> Option<&str> {
    member.strip_prefix(HOPGUARD)?.strip_prefix('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_member_comes_first_and_the_others_keep_their_order() {
        let state = TraceState::parse(" rojo=1 ,hopguard=old,, congo=t61 ,broken,n\u{e9}=1");
        assert_eq!(state.ours, Some(Ok("old")));
        assert_eq!(state.others_text().as_deref(), Some("rojo=1,congo=t61"));
        assert_eq!(TraceState::with("new", state.others()), "hopguard=new,rojo=1,congo=t61");
        assert_eq!(TraceState::parse("hopguard=x").others_text(), None);
        assert_eq!(TraceState::parse("hopguardian=x").ours, None);
    }

    #[test]
    fn the_last_members_give_way_beyond_32() {
        let full = (0..32).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        let text = TraceState::with("t", TraceState::parse(&full).others());
        assert_eq!(text.split(',').count(), 32);
        assert!(text.ends_with("k30=v"));
    }
}

//! Placeholder, replaced by the real commands.
fn main() {}

#![doc = include_str!("../README.md")]

mod addresses;
mod admit;
mod call;
mod client_context;
mod fault;
mod guard;
mod invocations;
mod lifecycle;
mod observe;
mod outbound;
mod panics;
mod process;
mod proxy;
mod sends;
mod wire;

pub use addresses::Addresses;
pub use guard::Guard;
pub use lifecycle::{Event, Lifecycle};
pub use observe::{Environment, Listeners, Observer};
pub use process::main;
pub use proxy::Proxy;

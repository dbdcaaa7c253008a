//! The test bed of hopguard: a local Lambda cloud, functions on it, and what they did.
//!
//! ```no_run
//! use std::{path::Path, time::Duration};
//! use hopguard_tests::{Cloud, Witness};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let cloud = Cloud::start().await?;
//! let witness = Witness::start().await?;
//! let orders = cloud.queue("orders").create().await?;
//! let function = cloud
//!     .function("billing")
//!     .bootstrap(Path::new("target/debug/function"))
//!     .env(Witness::VARIABLE, witness.address())
//!     .deploy()
//!     .await?;
//! function.consume(&orders).batch_size(10).partial().create().await?;
//!
//! orders.send("{\"order\":1}").await?;
//! witness.wait_for(1, Duration::from_secs(10), |run| run["function"] == "billing").await?;
//! # Ok(()) }
//! ```
//!
//! Each [`Cloud`] is a server of its own: tests that run at once share nothing but the folder with its program.
//! The library of the tests is also what `cargo xtask demo` shows its loops on.

mod bucket;
mod cloud;
mod collector;
mod environment;
mod eventually;
mod faults;
mod function;
mod http;
mod invoke;
mod kit;
mod layer;
mod lock;
mod logs;
mod mapping;
mod message;
mod package;
mod plan;
mod prometheus;
mod queue;
mod role;
mod rotel;
mod runtime;
mod schedule;
mod shop;
mod stack;
mod stream;
mod supervised;
mod tap;
mod target;
mod toolbox;
mod topic;
mod witness;

pub use bucket::Bucket;
pub use cloud::{Builder as CloudBuilder, Cloud};
pub use collector::Collector;
pub use environment::{
    Builder as EnvironmentBuilder, Environment, Invocation,
    outcome::Outcome,
    spec::{END, Mount, Spec},
};
pub use eventually::eventually;
pub use faults::{Faults, Fired};
pub use function::{Builder as FunctionBuilder, Function, package_of};
pub use invoke::Answer;
pub use kit::{Kit, Missing, unshare};
pub use layer::Layer;
pub use lock::exclusively;
pub use mapping::{Builder as MappingBuilder, Mapping};
pub use message::{Draft, Message};
pub use plan::{Dress, Plan, Send, is_run};
pub use prometheus::Prometheus;
pub use queue::{Builder as QueueBuilder, Depth, Queue};
pub use rotel::Rotel;
pub use runtime::Runtime;
pub use schedule::Schedule;
pub use shop::{Design, Pair, Shop};
pub use stack::Stack;
pub use stream::{Ledger, Stream, Table};
pub use tap::{Call, Tap};
pub use target::Target;
pub use toolbox::{Progress, Tool, Toolbox};
pub use topic::Topic;
pub use witness::{Reporter, Sighting, Witness};

//! What is known of the S3 objects that an event names: from this environment's own writes, or asked of S3.

use std::sync::Arc;
use std::time::Duration;

use hopguard_aws::{Head, Known, ObjectName};
use hopguard_core::admission::looked_up;
use hopguard_core::event::{Event, ObjectRef, Record};
use hopguard_core::propagator::Inbound;

pub(crate) use hopguard_aws::KnownObjects;

use crate::shared::Shared;

/// An object's metadata, kept for a copy of it.
pub(crate) type KnownHead = (ObjectName, Arc<Head>);

/// What this environment knows by itself, per record; `None` where S3 has to be asked.
pub(crate) fn find(shared: &Shared, event: &Event<'_>) -> KnownObjects {
    shared.edge.known(event)
}

/// Asks S3 for every object that is not known, all at once.
pub(crate) async fn look_up(
    shared: &Shared,
    event: &Event<'_>,
    known: KnownObjects,
    timeout: Duration,
) -> KnownObjects {
    shared.edge.look_up(event, known, timeout).await
}

/// What the objects of a record carry, and their metadata.
pub(crate) fn split(
    record: &Record<'_>,
    known: Vec<Option<Known>>,
) -> (Vec<Option<Inbound>>, Vec<KnownHead>) {
    let mut heads = Vec::new();
    let carried = looked_up(record).zip(known).map(|(object, known)| {
        let Known { inbound, head } = known?;
        heads.extend(head.map(|head| (name(object), head)));
        Some(inbound)
    });
    (carried.collect(), heads)
}

fn name(object: &ObjectRef<'_>) -> ObjectName {
    ObjectName {
        bucket: object.bucket.to_string(),
        key: object.key.to_string(),
        version: object.version.as_deref().map(str::to_owned),
    }
}

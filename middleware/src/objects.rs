//! What is known of the S3 objects that an event names: from this environment's own writes, or asked of S3.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hopguard_aws::{Head, ObjectName};
use hopguard_core::Counter;
use hopguard_core::event::{Event, ObjectRef, Record};
use hopguard_core::propagator::Inbound;

use crate::shared::Shared;
pub(crate) use crate::write_index::Known as KnownObject;

/// An object's metadata, kept for a copy of it.
pub(crate) type KnownHead = (ObjectName, Arc<Head>);

/// The objects of a record that can be looked up: not those that were removed.
pub(crate) fn named<'r, 'e>(record: &'r Record<'e>) -> impl Iterator<Item = &'r ObjectRef<'e>> {
    record.objects.iter().filter(|object| !object.removed)
}

/// What this environment knows by itself, per record; `None` where S3 has to be asked.
pub(crate) fn find(shared: &Shared, event: &Event<'_>) -> Vec<Vec<Option<KnownObject>>> {
    let of_record = |record: &Record<'_>| {
        let found = named(record).map(|object| shared.index.find(object));
        found.inspect(|known| known.iter().for_each(|_| shared.count(Counter::IndexHits))).collect()
    };
    event.records().iter().map(of_record).collect()
}

/// Asks S3 for every object that is not known, all at once.
pub(crate) async fn look_up(
    shared: &Shared,
    event: &Event<'_>,
    mut known: Vec<Vec<Option<KnownObject>>>,
    timeout: Duration,
) -> Vec<Vec<Option<KnownObject>>> {
    let objects = event.records().iter().flat_map(named);
    let missing = known.iter_mut().flatten().zip(objects).filter(|(known, _)| known.is_none());
    join_all(missing.map(|(slot, object)| async move { *slot = shared.look_up(object, timeout).await }))
        .await;
    known
}

/// What an object's metadata carries, and the metadata itself.
pub(crate) fn head_of(object: &ObjectRef<'_>, known: KnownObject) -> (Inbound, Option<KnownHead>) {
    let name = || ObjectName {
        bucket: object.bucket.to_string(),
        key: object.key.to_string(),
        version: object.version.as_deref().map(str::to_owned),
    };
    (known.inbound, known.head.map(|head| (name(), head)))
}

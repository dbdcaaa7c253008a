//! Without the feature `s3` nobody can be asked for an object's lineage: each object is counted as lost.

use std::convert::Infallible;
use std::time::Duration;

use hopguard_core::Counter;
use hopguard_core::event::{Event, ObjectRef, Record};
use hopguard_core::propagator::Inbound;

use crate::shared::Shared;

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum KnownHead {}

pub(crate) type KnownObject = Infallible;

pub(crate) fn named<'r, 'e>(record: &'r Record<'e>) -> impl Iterator<Item = &'r ObjectRef<'e>> {
    record.objects.iter().filter(|object| !object.removed)
}

pub(crate) fn find(shared: &Shared, event: &Event<'_>) -> Vec<Vec<Option<KnownObject>>> {
    event.records().iter().flat_map(named).for_each(|_| shared.count(Counter::Lost));
    Vec::new()
}

#[allow(clippy::unused_async, reason = "the same shape as with the feature `s3`")]
pub(crate) async fn look_up(
    _: &Shared,
    _: &Event<'_>,
    known: Vec<Vec<Option<KnownObject>>>,
    _: Duration,
) -> Vec<Vec<Option<KnownObject>>> {
    known
}

pub(crate) fn head_of(_: &ObjectRef<'_>, known: KnownObject) -> (Inbound, Option<KnownHead>) {
    match known {}
}

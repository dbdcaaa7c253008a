use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hopguard_core::Counter;
use hopguard_core::admission::looked_up;
use hopguard_core::event::{Event, ObjectRef, Record};
use hopguard_core::propagator::{Fields, HOPGUARD, Inbound, TRACEPARENT, TRACESTATE};
use tracing::warn;

use crate::edge::Edge;
use crate::lookup::{Head, ObjectName};
use crate::object_index::{Known, ObjectIndex};

/// What is known of the objects that the records of an event name, per record and in the order of
/// [`looked_up`]; `None` where nothing is.
pub type KnownObjects = Vec<Vec<Option<Known>>>;

impl Edge {
    /// What this environment knows of objects without asking S3.
    pub const fn objects(&self) -> &ObjectIndex {
        &self.objects
    }

    /// What this environment knows of the objects of an event by itself; `None` where S3 has to be asked.
    pub fn known(&self, event: &Event<'_>) -> KnownObjects {
        let of_record = |record: &Record<'_>| {
            let found = looked_up(record).map(|object| self.objects.find(object));
            found.inspect(|known| known.iter().for_each(|_| self.count(Counter::IndexHits))).collect()
        };
        event.records().iter().map(of_record).collect()
    }

    /// Asks S3 for every object of an event that is not known, all at once.
    pub async fn look_up(
        &self,
        event: &Event<'_>,
        mut known: KnownObjects,
        timeout: Duration,
    ) -> KnownObjects {
        let objects = event.records().iter().flat_map(looked_up);
        let missing = known.iter_mut().flatten().zip(objects).filter(|(known, _)| known.is_none());
        join_all(missing.map(|(slot, object)| async move { *slot = self.head(object, timeout).await })).await;
        known
    }

    /// Asks S3 for what an object's metadata carries, and remembers it.
    async fn head(&self, object: &ObjectRef<'_>, timeout: Duration) -> Option<Known> {
        let name = ObjectName {
            bucket: object.bucket.to_string(),
            key: object.key.to_string(),
            version: object.version.as_deref().filter(|version| *version != "null").map(str::to_owned),
        };
        self.count(Counter::Lookups);
        match self.lookup.head(&name, timeout).await {
            Ok(head) => {
                let inbound = self.carried_by(&head);
                let known = Known { inbound, head: Some(Arc::new(head)) };
                self.objects.remember_lookup(object, &known);
                Some(known)
            }
            Err(error) => {
                self.count(Counter::Lost);
                if self.logs("lookup") {
                    warn!(target: "hopguard", %error, "lineage lost: the record starts a new chain");
                }
                None
            }
        }
    }

    /// Reads an object's metadata as a carrier.
    fn carried_by(&self, head: &Head) -> Inbound {
        let text = |name: &str| head.metadata.get(name).map(String::as_str);
        Fields { traceparent: text(TRACEPARENT), tracestate: text(TRACESTATE), packed: text(HOPGUARD) }
            .extract(self.settings.signing_keys.as_ref())
    }
}

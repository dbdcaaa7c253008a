use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hopguard_core::ChainId;
use hopguard_core::event::ObjectRef;
use hopguard_core::propagator::Inbound;
use moka::sync::Cache;

use crate::lookup::Head;

/// Writes that are remembered; each takes about 3 KB at the most.
const CAPACITY: u64 = 2_000;
/// How long. S3 notifies within seconds as a rule, and a retry of an asynchronous invocation comes after 1 and 2 minutes.
const FOR: Duration = Duration::from_secs(600);

/// What this environment knows of objects without asking S3: those that it wrote itself, and those it has looked up.
///
/// A notification carries no metadata. It names the request that wrote the object, which is exact; where that is not known
/// (another service's form of the event), bucket, key and version; and last bucket, key and eTag, which is believed once only,
/// since the same content written again by somebody else has the same eTag.
#[derive(Debug)]
pub struct ObjectIndex {
    exact: LazyLock<Cache<u128, Known>>,
    by_e_tag: LazyLock<Cache<u128, Known>>,
    uploads: LazyLock<Cache<u128, Known>>,
}

/// What is known of one object.
#[derive(Clone, Debug)]
pub struct Known {
    /// What its metadata carries.
    pub inbound: Inbound,
    /// Its metadata, for a copy of it.
    pub head: Option<Arc<Head>>,
}

/// What S3 answered to a write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'w> {
    /// The bucket's name.
    pub bucket: &'w str,
    /// The object's key.
    pub key: &'w str,
    /// The id of the request, from the header `x-amz-request-id`.
    pub request_id: Option<&'w str>,
    /// The entity tag, with quotes or without.
    pub e_tag: Option<&'w str>,
    /// The version, in a bucket that keeps versions.
    pub version: Option<&'w str>,
}

impl ObjectIndex {
    /// An index that knows nothing yet, and takes no memory until it does.
    pub fn new() -> Self {
        let [exact, by_e_tag, uploads] = [(); 3].map(|()| LazyLock::new(cache as fn() -> _));
        Self { exact, by_e_tag, uploads }
    }

    /// Remembers a write of our own.
    pub fn remember(&self, written: &Written<'_>, known: &Known) {
        let Written { bucket, key, request_id, e_tag, version } = written;
        if let Some(request_id) = request_id {
            self.exact.insert(digest(&["request", bucket, key, request_id]), known.clone());
        }
        match version.filter(|version| *version != "null") {
            Some(version) => self.exact.insert(digest(&["version", bucket, key, version]), known.clone()),
            None => {
                if let Some(e_tag) = e_tag {
                    self.by_e_tag
                        .insert(digest(&["etag", bucket, key, e_tag.trim_matches('"')]), known.clone());
                }
            }
        }
    }

    /// What is known of the object that a notification names.
    pub fn find(&self, object: &ObjectRef<'_>) -> Option<Known> {
        let (bucket, key) = (&*object.bucket, &*object.key);
        let exact =
            [("request", &object.request_id), ("version", &object.version), ("sequencer", &object.sequencer)];
        for (kind, name) in exact {
            let found = name.as_deref().and_then(|name| self.exact.get(&digest(&[kind, bucket, key, name])));
            if found.is_some() {
                if let Some(e_tag) = object.etag.as_deref() {
                    self.by_e_tag.invalidate(&digest(&["etag", bucket, key, e_tag]));
                }
                return found;
            }
        }
        let e_tag = object.etag.as_deref()?;
        let known = self.by_e_tag.remove(&digest(&["etag", bucket, key, e_tag]))?;
        // The next delivery of this same notification is known by its sequencer.
        self.remember_lookup(object, &known);
        Some(known)
    }

    /// Remembers what a lookup found, for further deliveries of the same notification.
    pub fn remember_lookup(&self, object: &ObjectRef<'_>, known: &Known) {
        if let Some(sequencer) = object.sequencer.as_deref() {
            self.exact.insert(digest(&["sequencer", &object.bucket, &object.key, sequencer]), known.clone());
        }
    }

    /// Remembers what a multipart upload was created with, until it is completed.
    pub fn remember_upload(&self, upload: &str, known: &Known) {
        self.uploads.insert(digest(&["upload", upload]), known.clone());
    }

    /// What a multipart upload was created with.
    pub fn upload(&self, upload: &str) -> Option<Known> {
        self.uploads.get(&digest(&["upload", upload]))
    }
}

impl Default for ObjectIndex {
    fn default() -> Self {
        Self::new()
    }
}

/// 128 bits in place of names of up to a kilobyte each.
fn digest(parts: &[&str]) -> u128 {
    ChainId::derived("s3", parts.join("\0").as_bytes()).bits()
}

fn cache() -> Cache<u128, Known> {
    Cache::builder().max_capacity(CAPACITY).time_to_live(FOR).build()
}

#[cfg(test)]
mod tests {
    use hopguard_core::event::Reader;

    use super::*;

    fn known(hop: u32) -> Known {
        let function = hopguard_core::FunctionId::from_bits(1);
        let root = hopguard_core::Lineage::root(ChainId::new(1).unwrap(), function, 0);
        let inbound = Inbound { lineage: Some(hopguard_core::Lineage { hop, ..root }), ..Inbound::default() };
        Known { inbound, head: None }
    }

    /// A notification as S3 writes it, read as any event is.
    fn object(request_id: &str, e_tag: &str, sequencer: &str, version: &str) -> ObjectRef<'static> {
        let event = format!(
            r#"{{"Records":[{{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","responseElements":{{"x-amz-request-id":"{request_id}"}},"s3":{{"bucket":{{"name":"b"}},"object":{{"key":"k","eTag":"{e_tag}","sequencer":"{sequencer}"{version}}}}}}}]}}"#
        );
        Reader::default().read(event.as_bytes()).records()[0].objects[0].clone().into_owned()
    }

    fn hop(known: Option<Known>) -> Option<u32> {
        known.and_then(|known| known.inbound.lineage).map(|lineage| lineage.hop)
    }

    #[test]
    fn the_request_is_exact_and_an_e_tag_is_believed_once() {
        let index = ObjectIndex::new();
        let written =
            Written { bucket: "b", key: "k", request_id: Some("R1"), e_tag: Some("\"e\""), version: None };
        index.remember(&written, &known(3));
        assert_eq!(hop(index.find(&object("R1", "e", "1", ""))), Some(3));
        assert_eq!(hop(index.find(&object("R1", "e", "1", ""))), Some(3), "a redelivery");
        assert_eq!(hop(index.find(&object("R2", "e", "2", ""))), None, "the same content by somebody else");
        index.remember(&written, &known(3));
        assert_eq!(
            hop(index.find(&object("R2", "e", "2", ""))),
            Some(3),
            "the notification named another request"
        );
        assert_eq!(hop(index.find(&object("R2", "e", "2", ""))), Some(3), "its redelivery");
        assert_eq!(hop(index.find(&object("R3", "e", "3", ""))), None, "the same content by somebody else");
    }

    #[test]
    fn a_versioned_write_is_known_by_its_version_only() {
        let index = ObjectIndex::new();
        let written =
            Written { bucket: "b", key: "k", request_id: None, e_tag: Some("e"), version: Some("v1") };
        index.remember(&written, &known(4));
        let version = |version| object("R", "e", "9", &format!(",\"versionId\":\"{version}\""));
        assert_eq!(hop(index.find(&version("v2"))), None);
        assert_eq!(hop(index.find(&version("v1"))), Some(4));
    }
}

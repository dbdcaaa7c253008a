use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_s3::operation::complete_multipart_upload::{
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
};
use aws_sdk_s3::operation::copy_object::{CopyObjectInput, CopyObjectOutput};
use aws_sdk_s3::operation::create_multipart_upload::{
    CreateMultipartUploadInput, CreateMultipartUploadOutput,
};
use aws_sdk_s3::operation::put_object::{PutObjectInput, PutObjectOutput};
use aws_sdk_s3::types::MetadataDirective;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use hopguard_aws::{Head, Known, ObjectIndex, Written};
use hopguard_core::event::Source;
use hopguard_core::propagator::{Inbound, Injected, Room, Slots, inject as inject_slots};
use percent_encoding::percent_decode_str;

use crate::scope::{Scope, Sending};

/// User metadata of an object, in bytes of names and values. The header prefix is counted too, to stay on the safe side.
const MAX_METADATA: usize = 2048;
const PREFIX: usize = "x-amz-meta-".len();

/// A write under way: what to remember of it when it has succeeded.
#[derive(Debug)]
pub(super) struct Write {
    bucket: String,
    key: String,
    known: Known,
}

impl Storable for Write {
    type Storer = StoreReplace<Self>;
}

pub(super) fn is_carrier(input: &Input) -> bool {
    input.downcast_ref::<PutObjectInput>().is_some()
        || input.downcast_ref::<CopyObjectInput>().is_some()
        || input.downcast_ref::<CreateMultipartUploadInput>().is_some()
        || input.downcast_ref::<CompleteMultipartUploadInput>().is_some()
}

pub(super) fn inject(
    input: &mut Input,
    scope: &Scope,
    index: &ObjectIndex,
    mut count: impl FnMut(Injected),
) -> Option<Write> {
    if let Some(put) = input.downcast_mut::<PutObjectInput>() {
        let sending = scope.send(Source::S3, put.bucket.as_deref());
        count(write(&mut put.metadata, &sending));
        let head = Head {
            metadata: put.metadata.clone().unwrap_or_default(),
            content_type: put.content_type.clone(),
            cache_control: put.cache_control.clone(),
            content_disposition: put.content_disposition.clone(),
            content_encoding: put.content_encoding.clone(),
            content_language: put.content_language.clone(),
            expires: put.expires,
            ..Head::default()
        };
        return pending(put.bucket.as_ref(), put.key.as_ref(), known(&sending, head));
    }
    if let Some(create) = input.downcast_mut::<CreateMultipartUploadInput>() {
        let sending = scope.send(Source::S3, create.bucket.as_deref());
        count(write(&mut create.metadata, &sending));
        let head = Head {
            metadata: create.metadata.clone().unwrap_or_default(),
            content_type: create.content_type.clone(),
            cache_control: create.cache_control.clone(),
            content_disposition: create.content_disposition.clone(),
            content_encoding: create.content_encoding.clone(),
            content_language: create.content_language.clone(),
            expires: create.expires,
            ..Head::default()
        };
        return pending(create.bucket.as_ref(), create.key.as_ref(), known(&sending, head));
    }
    if let Some(complete) = input.downcast_mut::<CompleteMultipartUploadInput>() {
        // The lineage was written when the upload was created.
        let known = index.upload(complete.upload_id.as_deref()?)?;
        return pending(complete.bucket.as_ref(), complete.key.as_ref(), known);
    }
    let copy = input.downcast_mut::<CopyObjectInput>()?;
    let sending = scope.send(Source::S3, copy.bucket.as_deref());
    let (injected, head) = write_copy(copy, scope, &sending);
    count(injected);
    pending(copy.bucket.as_ref(), copy.key.as_ref(), known(&sending, head))
}

/// Remembers a write that has succeeded.
pub(super) fn remember(write: &Write, output: &Output, response: Option<&HttpResponse>, index: &ObjectIndex) {
    let request_id = response.and_then(|response| response.headers().get("x-amz-request-id"));
    let (e_tag, version) = if let Some(put) = output.downcast_ref::<PutObjectOutput>() {
        (put.e_tag(), put.version_id())
    } else if let Some(copy) = output.downcast_ref::<CopyObjectOutput>() {
        (copy.copy_object_result().and_then(|result| result.e_tag()), copy.version_id())
    } else if let Some(complete) = output.downcast_ref::<CompleteMultipartUploadOutput>() {
        (complete.e_tag(), complete.version_id())
    } else if let Some(create) = output.downcast_ref::<CreateMultipartUploadOutput>() {
        if let Some(upload) = create.upload_id() {
            index.remember_upload(upload, &write.known);
        }
        return;
    } else {
        return;
    };
    let written = Written { bucket: &write.bucket, key: &write.key, request_id, e_tag, version };
    index.remember(&written, &write.known);
}

fn pending(bucket: Option<&String>, key: Option<&String>, known: Known) -> Option<Write> {
    Some(Write { bucket: bucket?.clone(), key: key?.clone(), known })
}

fn known(sending: &Sending<'_>, head: Head) -> Known {
    let inbound = Inbound {
        lineage: Some(sending.lineage),
        parent: Some(sending.outbound.parent),
        others: (!sending.outbound.others.is_empty()).then(|| sending.outbound.others.into()),
        rejected: None,
    };
    Known { inbound, head: Some(Arc::new(head)) }
}

fn write(metadata: &mut Option<HashMap<String, String>>, sending: &Sending<'_>) -> Injected {
    let absent = metadata.is_none();
    let map = metadata.get_or_insert_default();
    let size: usize = map.iter().map(|(name, value)| PREFIX + name.len() + value.len()).sum();
    let room = Room { slots: usize::MAX, bytes: MAX_METADATA.saturating_sub(size), overhead: PREFIX };
    let injected = inject_slots(&mut Metadata(map), room, &sending.outbound);
    if absent && map.is_empty() {
        *metadata = None;
    }
    injected
}

/// User metadata, whose names are the names of HTTP headers: `Traceparent` is `traceparent`.
struct Metadata<'m>(&'m mut HashMap<String, String>);

impl Slots for Metadata<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, text)| text.as_str())
    }

    fn contains(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    fn put(&mut self, name: &'static str, text: String) {
        self.remove(name);
        self.0.insert(name.to_owned(), text);
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

/// A copy takes the source's metadata along, with the token of whoever wrote the source, unless the directive is REPLACE.
/// Where the source's metadata is known (it is the object that this invocation was called for), the same copy is made with REPLACE:
/// all that COPY would have taken along, with our lineage written over the inherited one.
fn write_copy(copy: &mut CopyObjectInput, scope: &Scope, sending: &Sending<'_>) -> (Injected, Head) {
    if copy.metadata_directive != Some(MetadataDirective::Replace) {
        let source = copy.copy_source.as_deref().and_then(source_of);
        let head = source.and_then(|(bucket, key)| scope.head(&bucket, &key));
        // Metadata that S3 cannot express in headers would be lost.
        let Some(head) = head.filter(|head| head.missing_metadata == 0) else {
            tracing::debug!(target: "hopguard", "copy keeps its source's metadata: lineage not written");
            return (Injected::Unsupported, Head::default());
        };
        copy.metadata_directive = Some(MetadataDirective::Replace);
        copy.metadata = Some(head.metadata.clone());
        copy.content_type.clone_from(&head.content_type);
        copy.cache_control.clone_from(&head.cache_control);
        copy.content_disposition.clone_from(&head.content_disposition);
        copy.content_encoding.clone_from(&head.content_encoding);
        copy.content_language.clone_from(&head.content_language);
        copy.expires = head.expires;
    }
    let injected = write(&mut copy.metadata, sending);
    let head = Head {
        metadata: copy.metadata.clone().unwrap_or_default(),
        content_type: copy.content_type.clone(),
        cache_control: copy.cache_control.clone(),
        content_disposition: copy.content_disposition.clone(),
        content_encoding: copy.content_encoding.clone(),
        content_language: copy.content_language.clone(),
        expires: copy.expires,
        ..Head::default()
    };
    (injected, head)
}

/// Bucket and key of a `CopySource`, `[/]bucket/key[?versionId=…]`, URL-encoded. A copy of an older version is not the
/// object that the event named.
fn source_of(source: &str) -> Option<(String, String)> {
    let source = source.strip_prefix('/').unwrap_or(source);
    if source.contains("?versionId=") || source.starts_with("arn:") {
        return None;
    }
    let (bucket, key) = source.split_once('/')?;
    let key = percent_decode_str(key).decode_utf8().ok()?;
    Some((bucket.to_owned(), key.into_owned()))
}

'use strict';
// S3: user metadata.

const { byteLength, inject } = require('./propagator.cjs');

/** User metadata of an object, in bytes of names and values. The header prefix is counted too, to stay on the safe side. */
const MAX_METADATA = 2048;
const PREFIX = 'x-amz-meta-'.length;

/** The names are the names of HTTP headers: `Traceparent` is `traceparent`. */
function slotsOf(map) {
  const keyOf = (name) => [...map.keys()].find((key) => key.toLowerCase() === name);
  const remove = (name) => {
    for (let key = keyOf(name); key !== undefined; key = keyOf(name)) map.delete(key);
  };
  return {
    text: (name) => map.get(keyOf(name)),
    contains: (name) => keyOf(name) !== undefined,
    put(name, text) {
      remove(name);
      map.set(name, text);
    },
    remove,
  };
}

const object = {
  carries: () => [true],
  write(input, outbound, count) {
    const sent = Object.entries(input.Metadata ?? {}).filter(([, text]) => typeof text === 'string');
    const size = sent.reduce((sum, [name, text]) => sum + PREFIX + byteLength(name) + byteLength(text), 0);
    const map = new Map(sent);
    const room = { slots: Infinity, bytes: Math.max(0, MAX_METADATA - size), overhead: PREFIX };
    count(inject(slotsOf(map), room, outbound()));
    return { ...input, Metadata: map.size === 0 ? undefined : Object.fromEntries(map) };
  },
};

/** A copy takes the source's metadata along, with the token of whoever wrote the source, unless the directive is REPLACE. */
const replaces = (input) => input.MetadataDirective === 'REPLACE';

module.exports = {
  S3: {
    PutObject: object,
    CreateMultipartUpload: object,
    CopyObject: {
      carries: (input) => [replaces(input)],
      write: object.write,
    },
  },
};

'use strict';
// The field `hopguard` at the top level of a JSON object: an asynchronous invocation's payload, an event's detail, a state
// machine's input, a record's data. The rules of `core/src/event/field.rs`.

const { HOPGUARD, byteLength, stateOf } = require('./propagator.cjs');
const { putMember, removeMember } = require('./json.cjs');
const { bytesLeft } = require('./limits.cjs');

/** A state machine's input, in bytes. */
const MAX_INPUT = 256 * 1024;
/** A Kinesis record's data, in bytes: today, and until 2025. A whole PutRecords takes five times what a record took then. */
const MAX_DATA = 10 * 1024 * 1024;
const MAX_DATA_BEFORE = 1024 * 1024;

/** A JSON string, escaped as core does it: `tests/fixtures/golden/field.json` compares bytes. */
function quoted(text) {
  const escaped = text.replace(/["\\\x00-\x1f]/g, (character) =>
    character < ' ' ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : `\\${character}`,
  );
  return `"${escaped}"`;
}

/** Puts the field into a JSON object given as text; `undefined` where it is none. */
function put(text, traceparent, tracestate) {
  return putMember(text, HOPGUARD, `{"traceparent":${quoted(traceparent)},"tracestate":${quoted(tracestate)}}`);
}

const bytesOf = (view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

/** A text, or bytes as text with one character a byte; `undefined` for anything else. */
function textOf(value) {
  if (typeof value === 'string') return value;
  return ArrayBuffer.isView(value) ? bytesOf(value).toString('latin1') : undefined;
}

/** Whether it can be a JSON object at all, so that nobody asks for a lineage that could not be written. */
function canCarry(value) {
  if (typeof value === 'string') return /^[ \n\r\t]*\{/.test(value);
  if (!ArrayBuffer.isView(value)) return false;
  return bytesOf(value).find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) === 0x7b;
}

const sizeOf = (value) => (typeof value === 'string' ? byteLength(value) : (value?.byteLength ?? 0));

/** Writes one lineage into a text or bytes; answers what to send instead, of the same kind. */
function writeField(value, bytes, outbound, count) {
  const text = canCarry(value) ? textOf(value) : undefined;
  const written = text === undefined ? undefined : put(text, outbound.parent, stateOf(outbound));
  if (written === undefined) {
    count('unsupported');
    return value;
  }
  const encode = (changed) => (typeof value === 'string' ? changed : Buffer.from(changed, 'latin1'));
  const stale = removeMember(text, HOPGUARD);
  const encoded = encode(written);
  if (sizeOf(encoded) - sizeOf(value) <= bytes) {
    count(stale === undefined ? 'written' : 'replaced');
    return encoded;
  }
  count('no_room');
  return stale === undefined ? value : encode(stale);
}

/** The carrier of a call with one such member. */
function single(member, left) {
  return {
    sends: (input) => Number(canCarry(input[member])),
    unsupported: (input) => Number(!canCarry(input[member])),
    write: (input, outbound, count) => ({
      ...input,
      [member]: writeField(input[member], left(input), outbound(), count),
    }),
  };
}

/** The carrier of a call with a batch of such members; each entry has its limit, and so has the whole. */
function batch(entries, member, entrySize, entryLeft, totalLeft) {
  return {
    sends: (input) => (Array.isArray(input[entries]) ? input[entries].length : 0),
    write(input, outbound, count) {
      let total = input[entries].reduce((sum, entry) => sum + entrySize(entry), 0);
      const written = input[entries].map((entry) => {
        const before = entrySize(entry);
        const bytes = Math.min(totalLeft(total), entryLeft(before));
        const after = { ...entry, [member]: writeField(entry[member], bytes, outbound(), count) };
        total += entrySize(after) - before;
        return after;
      });
      return { ...input, [entries]: written };
    },
  };
}

/** As EventBridge counts it. */
function eventSize(entry) {
  const resources = Array.isArray(entry.Resources) ? entry.Resources : [];
  const time = entry.Time === undefined ? 0 : 14;
  return [entry.Source, entry.DetailType, entry.Detail, ...resources].reduce((sum, text) => sum + sizeOf(text), time);
}

const recordSize = (record) => sizeOf(record.Data) + sizeOf(record.PartitionKey);
const dataLeft = (size) => bytesLeft(size, MAX_DATA_BEFORE, MAX_DATA);
const recordsLeft = (size) => bytesLeft(size, 5 * MAX_DATA_BEFORE, MAX_DATA);

const startSync = single('input', (input) => Math.max(0, MAX_INPUT - sizeOf(input.input)));

/**
 * Step Functions takes a start with a known name for a repetition, and refuses it where the input differs. A lineage differs
 * from call to call, so that a start with a name of the caller's choice carries none.
 */
const start = {
  sends: (input) => (input.name === undefined ? startSync.sends(input) : 0),
  unsupported: (input) => (input.name === undefined ? startSync.unsupported(input) : 1),
  write: startSync.write,
};

module.exports = {
  put,
  single,
  sizeOf,
  EventBridge: { PutEvents: batch('Entries', 'Detail', eventSize, bytesLeft, bytesLeft) },
  SFN: { StartExecution: start, StartSyncExecution: startSync },
  Kinesis: {
    PutRecord: single('Data', (input) => dataLeft(recordSize(input))),
    PutRecords: batch('Records', 'Data', recordSize, dataLeft, recordsLeft),
  },
};

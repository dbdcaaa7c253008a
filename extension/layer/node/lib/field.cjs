'use strict';
// The field `hopguard` at the top level of a JSON object: an asynchronous invocation's payload, an event's detail, a state
// machine's input, a record's data. The rules of `core/src/event/field.rs`.

const { HOPGUARD, MAX_BYTES, MAX_BYTES_BEFORE, byteLength, bytesLeft, stateOf } = require('./propagator.cjs');
const { objectStart, putMember, removeMember } = require('./json.cjs');

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

/** Whether it is a JSON object, as far as its two ends show that. */
function isObject(value) {
  const text = textOf(value);
  return text !== undefined && objectStart(text) !== undefined;
}

/** Whether it is exactly one JSON object: several, one after the other, have the same two ends. */
function isOneObject(value) {
  if (!isObject(value)) return false;
  try {
    JSON.parse(typeof value === 'string' ? value : new TextDecoder('utf-8', { fatal: true }).decode(value));
    return true;
  } catch {
    return false;
  }
}

const sizeOf = (value) => (typeof value === 'string' ? byteLength(value) : (value?.byteLength ?? 0));

/** Writes one lineage into an object that is text or bytes; answers what to send instead, of the same kind. */
function writeField(value, bytes, outbound, count) {
  const text = textOf(value);
  const encode = (changed) => (typeof value === 'string' ? changed : Buffer.from(changed, 'latin1'));
  const stale = removeMember(text, HOPGUARD);
  const encoded = encode(put(text, outbound.parent, stateOf(outbound)));
  if (sizeOf(encoded) - sizeOf(value) <= bytes) {
    count(stale === undefined ? 'written' : 'replaced');
    return encoded;
  }
  count('no_room');
  return stale === undefined ? value : encode(stale);
}

/** The carrier of a call with one such member; `absent` is what the service takes for one that is not there. */
function single(member, left, fits = isObject, absent = undefined) {
  const valueOf = (input) => input[member] ?? absent;
  return {
    carries: (input) => [fits(valueOf(input))],
    write: (input, outbound, count) => ({
      ...input,
      [member]: writeField(valueOf(input), left(input), outbound(), count),
    }),
  };
}

/** The carrier of a call with a batch of such members; each entry has its limit, and so has the whole. */
function batch(entries, member, entrySize, entryLeft, totalLeft, fits = isObject) {
  return {
    carries: (input) => (Array.isArray(input[entries]) ? input[entries].map((entry) => fits(entry[member])) : []),
    write(input, outbound, count, carries) {
      let total = input[entries].reduce((sum, entry) => sum + entrySize(entry), 0);
      const written = input[entries].map((entry, nth) => {
        // Each entry has its token, also one that cannot carry it.
        const own = outbound();
        if (!carries[nth]) return entry;
        const before = entrySize(entry);
        const bytes = Math.min(totalLeft(total), entryLeft(before));
        const after = { ...entry, [member]: writeField(entry[member], bytes, own, count) };
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

/** Entries are to be smaller than the limits. */
const eventLeft = (size) => bytesLeft(size, MAX_BYTES_BEFORE - 1, MAX_BYTES - 1);

const recordSize = (record) => sizeOf(record.Data) + sizeOf(record.PartitionKey);
const dataLeft = (size) => bytesLeft(size, MAX_DATA_BEFORE, MAX_DATA);
const recordsLeft = (size) => bytesLeft(size, 5 * MAX_DATA_BEFORE, MAX_DATA);

/** Step Functions makes an empty object of an absent input. */
const startSync = single('input', (input) => bytesLeft(sizeOf(input.input), MAX_INPUT, MAX_INPUT), isObject, '{}');

/**
 * Step Functions takes a start with a known name for a repetition, and refuses it where the input differs. A lineage differs
 * from call to call, so that a start with a name of the caller's choice carries none.
 */
const start = {
  carries: (input) => (input.name === undefined ? startSync.carries(input) : [false]),
  write: startSync.write,
};

module.exports = {
  put,
  single,
  sizeOf,
  EventBridge: { PutEvents: batch('Entries', 'Detail', eventSize, eventLeft, eventLeft) },
  SFN: { StartExecution: start, StartSyncExecution: startSync },
  Kinesis: {
    PutRecord: single('Data', (input) => dataLeft(recordSize(input)), isOneObject),
    PutRecords: batch('Records', 'Data', recordSize, dataLeft, recordsLeft, isOneObject),
  },
};

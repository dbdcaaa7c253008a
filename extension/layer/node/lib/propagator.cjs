'use strict';
// The codec between a lineage and its carriers: the rules of `core/src/propagator`, on anything with named texts.

const HOPGUARD = 'hopguard';
const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';

/** The most members that a W3C `tracestate` may have. */
const MAX_MEMBERS = 32;
/** Characters of a `traceparent` of version 00. */
const TRACEPARENT_CHARS = 55;

const WHITE_SPACE = /^[ \t\n\f\r]+|[ \t\n\f\r]+$/g;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** The limit of SQS, EventBridge and asynchronous invocations today, in bytes. */
const MAX_BYTES = 1024 * 1024;
/** The limit until 2025. Queues made before that keep it, and so does SNS: a message that fits is not pushed over it. */
const MAX_BYTES_BEFORE = 256 * 1024;

const byteLength = (text) => Buffer.byteLength(text, 'utf8');

/** How many bytes may still be added to `size`, the size of a message or of the whole batch that it stands in. */
function bytesLeft(size, before = MAX_BYTES_BEFORE, limit = MAX_BYTES) {
  return Math.max(0, (size <= before ? before : limit) - size);
}

const isOurs = (member) => member.startsWith(`${HOPGUARD}=`);

/** The members of a `tracestate` that are `key=value` in printable ASCII. */
function members(text) {
  return text
    .split(',')
    .map((member) => member.replace(WHITE_SPACE, ''))
    .filter((member) => PRINTABLE.test(member) && member.indexOf('=') > 0);
}

/** The members of other systems, in order. */
function others(text) {
  return members(text).filter((member) => !isOurs(member));
}

/** A `tracestate` with our member first and then the others, as many as the specification allows. */
function stateWith(token, otherMembers) {
  return [`${HOPGUARD}=${token}`, ...otherMembers.slice(0, MAX_MEMBERS - 1)].join(',');
}

/** The `tracestate` of a send that has none of its own. */
function stateOf(outbound) {
  return stateWith(outbound.token, others(outbound.others));
}

/**
 * Writes a lineage into a carrier, as much of it as there is room for.
 *
 * An existing `traceparent` is kept, and so are the other members of an existing `tracestate`, in order; our member comes
 * first. A token that the message inherited never survives.
 *
 * @param slots `text(name)`, `contains(name)`, `put(name, text)`, `remove(name)`
 * @param room further `slots` and `bytes`, and the `overhead` of one text besides its name and its value
 * @param outbound `token`, `parent` (a traceparent) and `others` (members of the sender's tracestate)
 * @returns the outcome: `written`, `replaced`, `packed` or `no_room`
 */
function inject(slots, room, outbound) {
  const { token } = outbound;
  const size = (name, text) => byteLength(name) + byteLength(text) + room.overhead;
  const sizeOf = (name) => {
    const text = slots.text(name);
    return text === undefined ? 0 : size(name, text);
  };
  const fits = (newSlots, freedSlots, added, freed) =>
    newSlots <= room.slots + freedSlots && added <= room.bytes + freed;

  const stateText = slots.text(TRACESTATE) ?? '';
  const ownOthers = others(stateText);
  const inheritedState = members(stateText).some(isOurs);
  const hasParent = slots.contains(TRACEPARENT);
  const hasState = slots.contains(TRACESTATE);
  const hasPacked = slots.contains(HOPGUARD);
  const written = hasPacked || inheritedState ? 'replaced' : 'written';

  const state = hasParent || hasState ? stateWith(token, ownOthers) : stateOf(outbound);
  const stateBefore = sizeOf(TRACESTATE);
  const packedBefore = sizeOf(HOPGUARD);
  const parentSize = hasParent ? 0 : TRACEPARENT.length + TRACEPARENT_CHARS + room.overhead;
  const stateSize = size(TRACESTATE, state);
  const newSlots = Number(!hasParent) + Number(!hasState);
  if (fits(newSlots, Number(hasPacked), parentSize + stateSize, stateBefore + packedBefore)) {
    if (hasPacked) slots.remove(HOPGUARD);
    if (!hasParent) slots.put(TRACEPARENT, outbound.parent);
    slots.put(TRACESTATE, state);
    return written;
  }
  if (hasState && fits(0, 0, stateSize, stateBefore + packedBefore)) {
    // A `tracestate` without its `traceparent` is of no use to others, but it is a slot that the message already has.
    if (hasPacked) slots.remove(HOPGUARD);
    slots.put(TRACESTATE, state);
    return written;
  }
  if (inheritedState) {
    if (ownOthers.length > 0) slots.put(TRACESTATE, ownOthers.join(','));
    else slots.remove(TRACESTATE);
  }
  const freed = Math.max(0, stateBefore - sizeOf(TRACESTATE));
  const freedSlots = Number(hasPacked) + Number(hasState && !slots.contains(TRACESTATE));
  if (fits(1, freedSlots, size(HOPGUARD, token), freed + packedBefore)) {
    slots.put(HOPGUARD, token);
    return 'packed';
  }
  slots.remove(HOPGUARD);
  return 'no_room';
}

module.exports = {
  HOPGUARD,
  MAX_BYTES,
  MAX_BYTES_BEFORE,
  TRACEPARENT,
  TRACESTATE,
  byteLength,
  bytesLeft,
  inject,
  stateOf,
};

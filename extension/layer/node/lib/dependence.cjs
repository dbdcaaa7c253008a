'use strict';
// Which call needs another one's answer, told from the texts that both show. The rules are those of core/src/dependence.rs, on what the
// SDK takes and gives.

/** JSON in a text or in bytes is read up to this length. */
const MAX_BODY = 16 * 1024;
/** Texts that are taken of one input or output, and values that are looked at for them. */
const MAX_TEXTS = 64;
const MAX_VALUES = 1024;
const MAX_DEPTH = 12;
/** Texts that are remembered of one invocation. */
const MAX_REMEMBERED = 1024;
/** Invocations that are remembered at once. */
const MAX_INVOCATIONS = 64;
/** Earlier calls that one call names. */
const MAX_AFTER = 8;
const SHORTEST = 6;
const LONGEST = 128;
const WORD = /^[A-Za-z]*$/;

/** 53 bits of a text: what it says is not kept. */
function hash(text) {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The texts that an input or an output shows, by their hashes. */
function shown(value) {
  const hashes = new Set();
  let values = MAX_VALUES;
  const json = (text, depth) => {
    try {
      walk(JSON.parse(text), depth - 1);
    } catch {
      // It looked like JSON, and is none.
    }
  };
  const walk = (one, depth) => {
    values -= 1;
    if (values < 0 || depth < 0 || hashes.size >= MAX_TEXTS) return;
    if (typeof one === 'string') {
      if (one[0] === '{' || one[0] === '[') {
        if (one.length <= MAX_BODY) json(one, depth);
      } else if (one.length >= SHORTEST && one.length <= LONGEST && !WORD.test(one)) hashes.add(hash(one));
    } else if (Array.isArray(one)) {
      for (const element of one) {
        if (values < 0) return;
        walk(element, depth - 1);
      }
    } else if (one instanceof Uint8Array) {
      const looksLikeJson = one[0] === 0x7b || one[0] === 0x5b;
      if (looksLikeJson && one.length <= MAX_BODY) json(Buffer.from(one.buffer, one.byteOffset, one.byteLength).toString(), depth);
    } else if (one !== null && typeof one === 'object' && isPlain(one)) {
      for (const name of Object.keys(one)) {
        if (values < 0) return;
        if (name !== '$metadata') walk(one[name], depth - 1);
      }
    }
  };
  walk(value, MAX_DEPTH);
  return hashes;
}

const invocations = new Map();

/** The spans of the calls of an invocation whose output is shown. */
function after(invocation, hashes) {
  const known = invocations.get(invocation);
  if (!known) return [];
  const spans = new Set();
  for (const text of hashes) if (known.has(text)) spans.add(known.get(text));
  return [...spans].slice(0, MAX_AFTER);
}

/** Remembers what a call brought that had not been in its own input. */
function remember(invocation, span, input, output) {
  let known = invocations.get(invocation);
  if (!known) {
    if (invocations.size >= MAX_INVOCATIONS) invocations.delete(invocations.keys().next().value);
    invocations.set(invocation, (known = new Map()));
  }
  for (const text of output) {
    if (known.size >= MAX_REMEMBERED) return;
    if (!input.has(text) && !known.has(text)) known.set(text, span);
  }
}

module.exports = { after, remember, shown };

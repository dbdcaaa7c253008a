'use strict';
// The codec alone: the golden vectors, which the crate and the other injectors are tested against too, and random input.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const field = require('../lib/field.cjs');
const { members, removeMember } = require('../lib/json.cjs');
const { inject } = require('../lib/propagator.cjs');
const { TOKEN: TOKENS } = require('../lib/proxy.cjs');

const STALE = '01-0af7651916cd43dd8448eb211c80319c-90-256-68fd508a:9';
const TOKEN = '01-00000000000000000000000000000007-0-256-00000007:1';
const PARENT = '00-00000000000000000000000000000007-0000000000000009-01';

const slotsOf = (map) => ({
  text: (name) => map.get(name),
  contains: (name) => map.has(name),
  put: (name, text) => map.set(name, text),
  remove: (name) => map.delete(name),
});

/** Numbers that are the same in every run. */
function generator(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

test('never more than the room, and never a stale token', () => {
  const next = generator(1);
  const states = [undefined, 'a=1', `hopguard=${STALE}`, `x=y,hopguard=${STALE},z=1`];
  const size = (map) => [...map].reduce((sum, [name, text]) => sum + name.length + text.length + 6, 0);
  for (let run = 0; run < 5000; run += 1) {
    const map = new Map(Array.from({ length: next(12) }, (_, n) => [`own${n}`, 'x']));
    const own = [...map.keys()];
    if (next(2)) map.set('traceparent', PARENT);
    const state = states[next(4)];
    if (state) map.set('tracestate', state);
    if (next(2)) map.set('hopguard', STALE);
    const bytes = next(700);
    const [slots, before] = [map.size, size(map)];
    const room = { slots: Math.max(0, 10 - slots), bytes, overhead: 6 };
    const outcome = inject(slotsOf(map), room, { token: TOKEN, parent: PARENT, others: 'from=sender' });
    assert.ok(map.size <= Math.max(slots, 10));
    assert.ok(size(map) <= before + bytes);
    assert.equal([...map.values()].some((text) => text.includes(STALE)), false);
    assert.equal([...map.values()].some((text) => text.includes(TOKEN)), outcome !== 'no_room');
    assert.ok(own.every((name) => map.has(name)));
  }
});

test('what is written into an object is all that changes', () => {
  const next = generator(2);
  const names = ['a', 'b"', 'é\\', 'hopguard', ''];
  for (let run = 0; run < 2000; run += 1) {
    const object = {};
    for (let n = next(6); n > 0; n -= 1) object[names[next(5)] + (next(2) ? n : '')] = [{ v: next(100) }, '\\"}', null][next(3)];
    const text = JSON.stringify(object, null, next(2) ? 2 : 0);
    const written = field.put(text, PARENT, 'hopguard=t');
    assert.deepEqual(JSON.parse(written), { ...object, hopguard: { traceparent: PARENT, tracestate: 'hopguard=t' } });
    const { hopguard: _, ...rest } = object;
    assert.deepEqual(JSON.parse(removeMember(written, 'hopguard')), rest);
    if (!('hopguard' in object)) assert.equal(removeMember(written, 'hopguard'), text, 'taken out without a trace');
  }
});

test('no text makes the cursor throw or hang', () => {
  const next = generator(3);
  const alphabet = '[]{}:,"\\a1 ';
  for (let run = 0; run < 20_000; run += 1) {
    const text = Array.from({ length: next(40) }, () => alphabet[next(alphabet.length)]).join('');
    members(text);
    removeMember(`${text}hopguard`, 'hopguard');
    field.put(text, 'P', 'S');
  }
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  assert.equal(members(deep).length, 1);
});

/** The vectors of `tests/fixtures/golden`. */
function golden(name) {
  const folder = path.join(__dirname, '..', '..', '..', '..', 'tests', 'fixtures', 'golden');
  return JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), 'utf8'));
}

test('golden: inject', () => {
  for (const { name, carrier, room, outbound, result, outcome } of golden('inject')) {
    const map = new Map(Object.entries(carrier));
    assert.equal(inject(slotsOf(map), room, outbound), outcome, name);
    assert.deepEqual(Object.fromEntries(map), result, name);
  }
});

test('golden: field, as text and as bytes', () => {
  const bytes = (text) => Buffer.from(text, 'utf8').toString('latin1');
  const text = (latin1) => (latin1 === undefined ? null : Buffer.from(latin1, 'latin1').toString('utf8'));
  for (const { name, text: given, traceparent, tracestate, written, removed } of golden('field')) {
    assert.equal(field.put(given, traceparent, tracestate) ?? null, written, name);
    assert.equal(removeMember(given, 'hopguard') ?? null, removed, name);
    assert.equal(text(field.put(bytes(given), bytes(traceparent), bytes(tracestate))), written, name);
    assert.equal(text(removeMember(bytes(given), 'hopguard')), removed, name);
  }
});

test('golden: every token that can be read is taken from the proxy', () => {
  for (const { name, token, lineage } of golden('token')) if (lineage) assert.match(token, TOKENS, name);
});

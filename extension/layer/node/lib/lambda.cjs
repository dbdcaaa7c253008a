'use strict';
// Lambda: the client context of a synchronous invocation, the payload of an asynchronous one.

const { HOPGUARD, TRACEPARENT, TRACESTATE, byteLength, bytesLeft, inject } = require('./propagator.cjs');
const { members } = require('./json.cjs');
const { single, sizeOf } = require('./field.cjs');

/** The longest client context, in bytes of JSON: 3,583 characters of base64, which come in fours. */
const MAX_CLIENT_CONTEXT_JSON = Math.floor(3583 / 4) * 3;
/** Two pairs of quotes, a colon and a comma. */
const OVERHEAD = 6;
const NAMES = [TRACEPARENT, TRACESTATE, HOPGUARD];

/** The members of a JSON object, name to text: values stay as they were written. `undefined` where it is none. */
function fieldsOf(text) {
  JSON.parse(text);
  const found = members(text);
  return found && new Map(found.map(({ name, value }) => [name, value]));
}

function objectOf(fields) {
  return `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

function decode(context) {
  const bytes = Buffer.from(context, 'base64');
  if (bytes.toString('base64') !== context) throw new TypeError('not base64');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** What can be read of a client context; `undefined` where it is not what the runtimes take for one. */
function read(context) {
  try {
    const fields = context ? fieldsOf(decode(context)) : new Map();
    const custom = fields && fieldsOf(fields.get('custom') ?? '{}');
    if (!custom) return undefined;
    const texts = new Map();
    for (const name of NAMES.filter((known) => custom.has(known))) texts.set(name, JSON.parse(custom.get(name)));
    return [...texts.values()].every((text) => typeof text === 'string') ? { fields, custom, texts } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes into the `custom` object of a client context; answers what to send instead. */
function writeContext(context, outbound, count) {
  const known = read(context);
  if (known === undefined) {
    count('unsupported');
    return context;
  }
  const { fields, custom, texts } = known;
  const before = JSON.stringify([...texts]);
  const jsonOf = () => objectOf(new Map(fields).set('custom', objectOf(custom)));
  const slots = {
    text: (name) => texts.get(name),
    contains: (name) => texts.has(name),
    put: (name, text) => texts.set(name, text),
    remove: (name) => texts.delete(name),
  };
  const bytes = Math.max(0, MAX_CLIENT_CONTEXT_JSON - byteLength(jsonOf()));
  const outcome = inject(slots, { slots: Infinity, bytes, overhead: OVERHEAD }, outbound);
  if (JSON.stringify([...texts]) === before) {
    count(outcome);
    return context;
  }
  for (const name of NAMES) {
    if (texts.has(name)) custom.set(name, JSON.stringify(texts.get(name)));
    else custom.delete(name);
  }
  const written = jsonOf();
  // Only escapes in the sender's own `tracestate` can make it longer than there was room for.
  if (byteLength(written) > MAX_CLIENT_CONTEXT_JSON && outcome !== 'no_room') {
    count('no_room');
    return context;
  }
  count(outcome);
  return Buffer.from(written, 'utf8').toString('base64');
}

const context = {
  carries: () => [true],
  write: (input, outbound, count) => ({
    ...input,
    ClientContext: writeContext(input.ClientContext, outbound(), count),
  }),
};
const payload = single('Payload', (input) => bytesLeft(sizeOf(input.Payload)));

/** Lambda drops the client context of asynchronous invocations. */
const carrierOf = (input) => (input.InvocationType === 'Event' ? payload : context);

function carries(input) {
  // A dry run invokes nothing.
  if (input.InvocationType === 'DryRun') return [];
  // The same name with another payload is an error: the call could not be repeated any more.
  if (input.InvocationType === 'Event' && input.DurableExecutionName !== undefined) return [false];
  return carrierOf(input).carries(input);
}

module.exports = {
  Lambda: {
    Invoke: { carries, write: (input, ...rest) => carrierOf(input).write(input, ...rest) },
    InvokeWithResponseStream: { carries, write: context.write },
  },
};

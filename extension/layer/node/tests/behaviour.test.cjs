'use strict';
// What a call meets when something is wrong or slow, and what is said of it.

const assert = require('node:assert/strict');
const { after, before, beforeEach, test } = require('node:test');

const { Aws } = require('./support/aws.cjs');
const { INVOCATION, Layer, PARENT, TRACE, lineage, token } = require('./support/layer.cjs');

const OTHER = '11111111-2222-3333-4444-555555555555';

let aws;
let layer;
let sdk;
let client;

before(async () => {
  [aws, layer] = await Promise.all([Aws.start(), Layer.start()]);
  Object.assign(process.env, layer.env);
  require('../hopguard.cjs');
  sdk = require('@aws-sdk/client-sqs');
  client = new sdk.SQSClient(aws.config());
});

beforeEach(async () => {
  await layer.settled();
  aws.reset();
  layer.reset();
});

after(() => {
  aws.stop();
  layer.stop();
});

const message = (more) => new sdk.SendMessageCommand({ QueueUrl: aws.queue('orders'), MessageBody: 'hello', ...more });

/** Sends a message; how long that took, and what arrived. */
async function timed() {
  const start = performance.now();
  await client.send(message());
  return { ms: performance.now() - start, attributes: aws.requests.at(-1).json.MessageAttributes };
}

test('no invocation is under way, or several are: the message goes out as it was', async () => {
  for (const status of [404, 409]) {
    aws.reset();
    layer.reset();
    layer.answer = () => [status, '{}'];
    const MessageAttributes = { hopguard: { DataType: 'String', StringValue: 'theirs' } };
    await client.send(message({ MessageAttributes }));
    assert.deepEqual(aws.requests[0].json.MessageAttributes, MessageAttributes);
    const [{ outcomes, call }] = await layer.reports();
    assert.deepEqual([outcomes, call.status, call.invocation], [{ no_scope: 1 }, 200, null]);
    assert.equal((await layer.settled()).length, 1, 'no fault');
  }
});

test('retries are one call with its attempts, and one question', async () => {
  aws.refusals = [
    { status: 500, code: 'InternalError' },
    { status: 500, code: 'InternalError' },
  ];
  await client.send(message());
  const [{ call }] = await layer.reports();
  assert.deepEqual([call.attempts, call.status, call.error], [3, 200, undefined]);
  assert.deepEqual(
    call.tries.map(({ status, error }) => [status, error]),
    [[500, 'InternalError'], [500, 'InternalError'], [200, undefined]],
  );
  const times = call.tries.flatMap(({ start_ns, end_ns }) => [BigInt(start_ns), BigInt(end_ns)]);
  assert.deepEqual(times, [...times].sort((a, b) => (a < b ? -1 : 1)));
  assert.ok(BigInt(call.start_ns) <= times[0] && times.at(-1) <= BigInt(call.end_ns));
  assert.equal(layer.asked.length, 1);
  assert.deepEqual(new Set(aws.requests.map((request) => request.json.MessageAttributes.tracestate.StringValue)).size, 1);
});

test('an error reaches the caller as it is, and the report with its code', async () => {
  aws.refusals = [{ status: 400, code: 'QueueDoesNotExist' }];
  await assert.rejects(client.send(message()), { name: 'QueueDoesNotExist' });
  const [{ call, outcomes }] = await layer.reports();
  assert.deepEqual([call.error, call.status, call.attempts, outcomes], ['QueueDoesNotExist', 400, 1, { written: 1 }]);
});

test('a refused connection has no status', async () => {
  const nowhere = new sdk.SQSClient(aws.config({ endpoint: 'http://127.0.0.1:1', maxAttempts: 1 }));
  const sent = nowhere.send(message({ QueueUrl: 'http://127.0.0.1:1/123456789012/orders' }));
  await assert.rejects(sent, { code: 'ECONNREFUSED' });
  const [{ call }] = await layer.reports();
  assert.deepEqual([call.error, call.status], ['ECONNREFUSED', undefined]);
});

test('callbacks, aggregated clients and abort signals work as before', async () => {
  const output = await new Promise((resolve, reject) => {
    client.send(message(), (error, result) => (error ? reject(error) : resolve(result)));
  });
  assert.equal(output.MessageId, '1');
  const aggregated = await new sdk.SQS(aws.config()).sendMessage({ QueueUrl: aws.queue('orders'), MessageBody: 'hello' });
  assert.equal(aggregated.MessageId, '1');
  const cached = new sdk.SQSClient(aws.config({ cacheMiddleware: true }));
  await cached.send(message());
  await cached.send(message({ MessageBody: 'second' }));
  assert.equal(aws.requests.at(-1).json.MessageBody, 'second');
  assert.equal(layer.asked.length, 4);
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(client.send(message(), { abortSignal: abort.signal }), { name: 'AbortError' });
});

test('a client keeps its own middleware, and sees none of ours', async () => {
  const own = new sdk.SQSClient(aws.config());
  const before = own.middlewareStack.identify();
  own.middlewareStack.add(
    (next) => (args) =>
      next({ ...args, input: { ...args.input, MessageAttributes: { late: { DataType: 'String', StringValue: 'x' } } } }),
    { step: 'initialize', name: 'late' },
  );
  await own.send(message());
  assert.deepEqual(own.middlewareStack.identify().length, before.length + 1);
  assert.deepEqual(Object.keys(aws.requests[0].json.MessageAttributes).sort(), ['late', 'traceparent', 'tracestate']);
});

test('calls that begin together ask together, and each has tokens of its own', async () => {
  const Entries = ['a', 'b'].map((Id) => ({ Id, MessageBody: Id }));
  const batch = () => new sdk.SendMessageBatchCommand({ QueueUrl: aws.queue('orders'), Entries });
  await Promise.all(Array.from({ length: 50 }, (_, n) => client.send(n % 2 ? batch() : message())));
  assert.deepEqual(layer.asked.map(({ sends }) => sends), [75]);
  const sent = aws.requests.flatMap(({ json }) => json.Entries ?? [json]);
  const states = sent.map(({ MessageAttributes }) => MessageAttributes.tracestate.StringValue);
  assert.equal(new Set(states).size, 75);
  const spans = (await layer.reports(50)).map((report) => report.call.span);
  assert.equal(new Set(spans).size, 50);
});

test('where the invocation is not known, nothing is kept', async () => {
  layer.answer = (question) => [200, JSON.stringify(lineage(question, { reusable: true }))];
  await client.send(message());
  const other = { reusable: true, tokens: [token(6)], invocation: OTHER };
  layer.answer = (question) => [200, JSON.stringify(lineage(question, other))];
  await client.send(message());
  assert.equal(layer.asked.length, 2);
  assert.match(aws.requests[1].json.MessageAttributes.tracestate.StringValue, new RegExp(token(6)));
  const reports = await layer.reports(2);
  assert.deepEqual(reports.map((report) => report.call.invocation), [INVOCATION, OTHER]);
});

test('where the runtime tells the request id, it is sent, and a reusable answer is kept for it alone', async (t) => {
  const known = globalThis.awslambda;
  let id = INVOCATION;
  globalThis.awslambda = { InvokeStore: { getRequestId: () => id, getXRayTraceId: () => undefined } };
  t.after(() => (globalThis.awslambda = known));
  layer.answer = (question) => {
    const tokens = [token(question.invocation === OTHER ? 7 : 3)];
    return [200, JSON.stringify(lineage(question, { tokens, reusable: true }))];
  };
  await client.send(message());
  await client.send(message());
  id = OTHER;
  await client.send(message());
  assert.deepEqual(layer.asked.map(({ invocation }) => invocation), [INVOCATION, OTHER]);
  const states = aws.requests.map((request) => request.json.MessageAttributes.tracestate.StringValue);
  assert.deepEqual(states, [token(3), token(3), token(7)].map((text) => `hopguard=${text},vendor=x`));
  id = '-';
  await client.send(message());
  assert.equal(layer.asked.at(-1).invocation, null, 'the store knows none');
});

test('a reusable answer serves its target and no other', async (t) => {
  const known = globalThis.awslambda;
  globalThis.awslambda = { InvokeStore: { getRequestId: () => '77777777-2222-3333-4444-555555555555' } };
  t.after(() => (globalThis.awslambda = known));
  // A message to its own source shares the credit, while one to anything else does not.
  layer.answer = (question) => [200, JSON.stringify(lineage(question, { reusable: question.target !== 'orders' }))];
  const send = (name) => client.send(new sdk.SendMessageCommand({ QueueUrl: aws.queue(name), MessageBody: 'x' }));
  for (const name of ['orders', 'bills', 'orders', 'bills', 'orders']) await send(name);
  assert.deepEqual(layer.asked.map(({ target }) => target), ['orders', 'bills', 'orders', 'orders']);
  await Promise.all(['orders', 'carts', 'orders'].map(send));
  const together = layer.asked.slice(4).map(({ service, target, sends }) => [service, target, sends]);
  assert.deepEqual(together, [['SQS', 'orders', 2], ['SQS', 'carts', 1]]);
});

test('a call that carries nothing stands in its trace where a send of its invocation came before it', async (t) => {
  const known = globalThis.awslambda;
  let id = '00000000-2222-3333-4444-555555555555';
  globalThis.awslambda = { InvokeStore: { getRequestId: () => id } };
  t.after(() => (globalThis.awslambda = known));
  const get = () => client.send(new sdk.GetQueueAttributesCommand({ QueueUrl: aws.queue('orders') }));
  await get();
  await client.send(message());
  await get();
  id = '99999999-2222-3333-4444-555555555555';
  await get();
  const calls = (await layer.reports(4)).map(({ call }) => [call.operation, call.trace, call.parent]);
  const carriesNothing = 'GetQueueAttributes';
  assert.deepEqual(calls, [
    [carriesNothing, undefined, undefined],
    ['SendMessage', TRACE, PARENT],
    [carriesNothing, TRACE, PARENT],
    [carriesNothing, undefined, undefined],
  ]);
  await client.send(message());
  await client.send(message());
  assert.equal(layer.asked.length, 3, 'tokens that serve once are asked for each time');
});

test('more messages than one question may be about are asked for in two', async () => {
  await Promise.all(Array.from({ length: 1001 }, () => client.send(message())));
  assert.deepEqual(layer.asked.map(({ sends }) => sends), [1000, 1]);
});

test('garbage is not written into a message: it is a fault, no outcome, and no reason to pause', async () => {
  const answer = (more) => [200, JSON.stringify(lineage({ sends: 1 }, more))];
  const wrong = [
    ['no JSON', [200, '<html>']],
    ['an empty object', [200, '{}']],
    ['too few tokens', answer({ tokens: [] })],
    ['too many tokens', answer({ tokens: [token(0), token(1)] })],
    ['no token', answer({ tokens: ['01-a,b=c'] })],
    ['a short trace', answer({ trace: 'abc' })],
    ['no trace', answer({ trace: '0'.repeat(32) })],
    ['others are no text', answer({ others: 1 })],
    ['another status', [500, '']],
    ['endless', [200, `"${'x'.repeat(2 * 1024 * 1024)}"`]],
  ];
  for (const [name, garbage] of wrong) {
    aws.reset();
    layer.answer = () => garbage;
    assert.equal((await timed()).attributes, undefined, name);
  }
  assert.equal(layer.asked.length, wrong.length);
  const reports = await layer.settled();
  assert.deepEqual(reports.filter((report) => report.outcomes), []);
  const faults = reports.filter((report) => report.fault);
  assert.equal(faults.length, 1, 'each place once');
  assert.deepEqual([faults[0].fault.injector, faults[0].fault.where], ['node', 'proxy']);
});

test('an idle connection that was closed is not noticed', async () => {
  await timed();
  layer.server.closeAllConnections();
  const { attributes } = await timed();
  assert.ok(attributes.tracestate);
});

test('a proxy that hangs costs 250 ms, and after three times nothing for a while', async () => {
  layer.answer = () => undefined;
  for (let n = 0; n < 3; n += 1) {
    const { ms, attributes } = await timed();
    assert.ok(ms > 240 && ms < 1000, `${ms}`);
    assert.equal(attributes, undefined);
  }
  const { ms, attributes } = await timed();
  assert.ok(ms < 240, `${ms}`);
  assert.equal(attributes, undefined);
  assert.deepEqual((await layer.reports(4, (report) => report.call)).filter((report) => report.outcomes), []);
});

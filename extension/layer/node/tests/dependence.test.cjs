'use strict';
// The calls whose output a call needs, as they are reported.

const assert = require('node:assert/strict');
const { after, before, beforeEach, test } = require('node:test');
const { inspect } = require('node:util');

const { Aws } = require('./support/aws.cjs');
const { Layer } = require('./support/layer.cjs');
const dependence = require('../lib/dependence.cjs');

let aws;
let layer;
let sqs;
let lambda;
let SendMessageCommand;
let InvokeCommand;

before(async () => {
  [aws, layer] = await Promise.all([Aws.start(), Layer.start()]);
  Object.assign(process.env, layer.env);
  require('../hopguard.cjs');
  const clients = { ...require('@aws-sdk/client-sqs'), ...require('@aws-sdk/client-lambda') };
  ({ SendMessageCommand, InvokeCommand } = clients);
  sqs = new clients.SQSClient(aws.config());
  lambda = new clients.LambdaClient(aws.config());
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

async function reported(sent) {
  await sent;
  const [{ call }] = await layer.reports();
  layer.reset();
  return call;
}

test('a call names those whose output it shows, and a payload stays what it is', async () => {
  const send = (MessageBody) => reported(sqs.send(new SendMessageCommand({ QueueUrl: aws.queue('orders'), MessageBody })));
  const first = await send('order-17');
  assert.equal(first.after, undefined);
  // The stand-in answers with the body's MD5.
  const { createHash } = require('crypto');
  const md5 = createHash('md5').update('order-17').digest('hex');
  assert.equal((await send('order-17')).after, undefined, 'it had it from its caller');
  assert.deepEqual((await send(JSON.stringify({ deep: [JSON.stringify({ md5 })] }))).after, [first.span]);
  assert.deepEqual((await send(md5)).after, [first.span]);
});

test('an Invoke has its type', async () => {
  const invoke = (InvocationType) => reported(lambda.send(new InvokeCommand({ FunctionName: 'invoice', InvocationType, Payload: '{}' })));
  for (const type of ['RequestResponse', 'Event', 'DryRun', undefined]) assert.equal((await invoke(type)).type, type);
});

test('texts are ids and bounded', () => {
  const count = (value) => dependence.shown(value).size;
  const many = Array.from({ length: 10_000 }, (_, nth) => `order-${nth}`);
  const cases = [
    [{ 'name-of-a-key': 'order-17' }, 1],
    [['order-17', { a: Buffer.from('{"b":"order-18"}') }], 2],
    ['PENDING', 0],
    ['id-17', 0],
    ['x'.repeat(129), 0],
    ['{"cut":"off', 0],
    ['['.repeat(10_000), 0],
    [{ $metadata: { requestId: 'request-17' } }, 0],
    [new Map([['a', 'order-17']]), 0],
    [[null, undefined, 17, 17n, Symbol('order-17'), () => 'order-17'], 0],
    [many, 64],
    [[...Array(10_000).keys(), 'order-17'], 0],
  ];
  for (const [value, expected] of cases) assert.equal(count(value), expected, inspect(value).slice(0, 60));
  const circle = { id: 'order-17' };
  circle.circle = circle;
  assert.equal(count(circle), 1);
});

test('what is remembered is bounded', () => {
  const none = new Set();
  for (let nth = 0; nth < 100; nth += 1) {
    dependence.remember('many', `${nth}`, none, dependence.shown(Array.from({ length: 60 }, (_, text) => `order-${nth}-${text}`)));
  }
  const found = (nth) => dependence.after('many', dependence.shown([`order-${nth}-1`]));
  assert.deepEqual([found(0), found(99)], [['0'], []]);
  for (let nth = 0; nth < 100; nth += 1) dependence.remember(`i-${nth}`, 's', none, none);
  assert.deepEqual(found(0), []);
});

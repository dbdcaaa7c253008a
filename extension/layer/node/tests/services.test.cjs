'use strict';
// Every carrier, as it arrives on the wire.

const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { after, before, beforeEach, test } = require('node:test');

const { Aws } = require('./support/aws.cjs');
const { INVOCATION, Layer, PARENT, TRACE, lineage, token } = require('./support/layer.cjs');

let aws;
let layer;
let sdk;

before(async () => {
  [aws, layer] = await Promise.all([Aws.start(), Layer.start()]);
  Object.assign(process.env, layer.env, { HOPGUARD_DYNAMODB_TABLES: 'orders, arn:aws:dynamodb:eu-west-1:123456789012:table/parts' });
  require('../hopguard.cjs');
  sdk = {
    ...require('@aws-sdk/client-sqs'),
    ...require('@aws-sdk/client-sns'),
    ...require('@aws-sdk/client-s3'),
    ...require('@aws-sdk/client-lambda'),
    ...require('@aws-sdk/client-eventbridge'),
    ...require('@aws-sdk/client-sfn'),
    ...require('@aws-sdk/client-kinesis'),
    ...require('@aws-sdk/client-dynamodb'),
    ...require('@aws-sdk/lib-dynamodb'),
    ...require('@aws-sdk/lib-storage'),
    ...require('@aws-sdk/s3-request-presigner'),
    ...require('@smithy/node-http-handler'),
  };
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

const STATE = `hopguard=${token(0)},vendor=x`;

/** Freezes an input all through, so that a write to it throws. */
function frozen(value) {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !(value instanceof Readable)) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

/** Sends a command with a frozen input; the request that arrived, the report, and what was asked. */
async function send(client, Command, input, options) {
  await client.send(new Command(frozen(input)), options);
  const [{ call, outcomes }] = await layer.reports(1, (report) => report.call);
  return { request: aws.requests[0], call, outcomes, asked: layer.asked };
}

/** A `traceparent` with the call's own span. */
function assertParent(traceparent, call) {
  assert.equal(traceparent, `00-${TRACE}-${call.span}-01`);
  assert.notEqual(call.span, PARENT);
}

function assertField(text, call, nth = 0) {
  const { hopguard } = JSON.parse(text);
  assertParent(hopguard.traceparent, call);
  assert.equal(hopguard.tracestate, `hopguard=${token(nth)},vendor=x`);
}

test('SQS SendMessage: message attributes', async () => {
  const input = {
    QueueUrl: aws.queue('orders'),
    MessageBody: 'hello',
    MessageAttributes: { own: { DataType: 'Number', StringValue: '1' } },
  };
  const { request, call, outcomes, asked } = await send(new sdk.SQSClient(aws.config()), sdk.SendMessageCommand, input);
  const { MessageAttributes } = request.json;
  assertParent(MessageAttributes.traceparent.StringValue, call);
  assert.deepEqual(MessageAttributes.tracestate, { DataType: 'String', StringValue: STATE });
  assert.deepEqual(MessageAttributes.own, input.MessageAttributes.own);
  assert.deepEqual(asked, [{ path: '/hopguard/v1/sends', method: 'POST', invocation: null, sends: 1, service: 'SQS', target: 'orders' }]);
  assert.deepEqual(outcomes, { written: 1 });
  const { start_ns, end_ns, span, tries, ...rest } = call;
  assert.deepEqual(tries.map(({ status, error }) => [status, error]), [[200, undefined]]);
  assert.deepEqual(rest, {
    invocation: INVOCATION,
    trace: TRACE,
    parent: PARENT,
    service: 'SQS',
    operation: 'SendMessage',
    attempts: 1,
    status: 200,
    target: 'orders',
  });
  assert.match(span, /^[0-9a-f]{16}$/);
  assert.match(start_ns, /^\d{19}$/);
  assert.ok(BigInt(end_ns) > BigInt(start_ns));
  assert.ok(Math.abs(Number(BigInt(end_ns) / 1_000_000n) - Date.now()) < 1000);
});

test('SQS SendMessageBatch: each entry has its own token, and its own room', async () => {
  const own = (count) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`own${n}`, { DataType: 'String', StringValue: 'x' }]));
  const stale = { hopguard: { DataType: 'String', StringValue: '01-stale' } };
  const Entries = [
    { Id: 'a', MessageBody: 'free' },
    { Id: 'b', MessageBody: 'nine', MessageAttributes: own(9) },
    { Id: 'c', MessageBody: 'ten', MessageAttributes: own(10) },
    { Id: 'd', MessageBody: 'stale', MessageAttributes: stale },
  ];
  const input = { QueueUrl: aws.queue('orders'), Entries };
  const { request, call, outcomes, asked } = await send(new sdk.SQSClient(aws.config()), sdk.SendMessageBatchCommand, input);
  const sent = request.json.Entries.map((entry) => entry.MessageAttributes);
  assert.equal(asked[0].sends, 4);
  assertParent(sent[0].traceparent.StringValue, call);
  assert.equal(sent[0].tracestate.StringValue, STATE);
  assert.equal(sent[1].hopguard.StringValue, token(1));
  assert.deepEqual(Object.keys(sent[1]).length, 10);
  assert.deepEqual(sent[2], own(10));
  assert.deepEqual(Object.keys(sent[3]).sort(), ['traceparent', 'tracestate']);
  assert.equal(sent[3].tracestate.StringValue, `hopguard=${token(3)},vendor=x`);
  assert.deepEqual(outcomes, { written: 1, packed: 1, no_room: 1, replaced: 1 });
});

test('SQS SendMessageBatch: the entries share one limit of bytes', async () => {
  const body = 'x'.repeat(26_190);
  const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: `${n}`, MessageBody: body }));
  const input = { QueueUrl: aws.queue('orders'), Entries };
  const { request, outcomes } = await send(new sdk.SQSClient(aws.config()), sdk.SendMessageBatchCommand, input);
  // 244 bytes are left of 256 KiB: for one lineage whole and one packed.
  assert.deepEqual(outcomes, { written: 1, packed: 1, no_room: 8 });
  assert.equal(request.json.Entries.filter((entry) => entry.MessageAttributes).length, 2);
});

test('SQS: an inherited binary token is overwritten, an own traceparent kept', async () => {
  const own = '00-11111111111111111111111111111111-2222222222222222-00';
  const MessageAttributes = {
    traceparent: { DataType: 'String', StringValue: own },
    tracestate: { DataType: 'Binary', BinaryValue: Buffer.from('a=1,hopguard=01-stale,b=2') },
  };
  const input = { QueueUrl: aws.queue('orders'), MessageBody: 'hello', MessageAttributes };
  const { request, outcomes } = await send(new sdk.SQSClient(aws.config()), sdk.SendMessageCommand, input);
  assert.equal(request.json.MessageAttributes.traceparent.StringValue, own);
  assert.equal(request.json.MessageAttributes.tracestate.StringValue, `hopguard=${token(0)},a=1,b=2`);
  assert.deepEqual(outcomes, { replaced: 1 });
});

test('SNS Publish and PublishBatch: message attributes', async () => {
  const client = new sdk.SNSClient(aws.config());
  const TopicArn = 'arn:aws:sns:eu-west-1:123456789012:news';
  const one = await send(client, sdk.PublishCommand, { TopicArn, Message: 'hello' });
  assert.equal(one.call.target, 'news');
  assert.equal(one.request.form['MessageAttributes.entry.2.Name'], 'tracestate');
  assert.equal(one.request.form['MessageAttributes.entry.2.Value.StringValue'], STATE);
  assertParent(one.request.form['MessageAttributes.entry.1.Value.StringValue'], one.call);

  aws.reset();
  layer.reset();
  const PublishBatchRequestEntries = [{ Id: 'a', Message: '1' }, { Id: 'b', Message: '2' }];
  const batch = await send(client, sdk.PublishBatchCommand, { TopicArn, PublishBatchRequestEntries });
  assert.equal(batch.asked[0].sends, 2);
  const member = 'PublishBatchRequestEntries.member.2.MessageAttributes.entry.2.Value.StringValue';
  assert.equal(batch.request.form[member], `hopguard=${token(1)},vendor=x`);
  assert.deepEqual(batch.outcomes, { written: 2 });
});

test('SNS: a text message to a phone carries nothing', async () => {
  const input = { PhoneNumber: '+15550100', Message: 'hello' };
  const { request, outcomes, asked } = await send(new sdk.SNSClient(aws.config()), sdk.PublishCommand, input);
  assert.equal(request.body.includes('hopguard'), false);
  assert.deepEqual([outcomes, asked], [{ unsupported: 1 }, []]);
});

test('S3 PutObject: user metadata, signed, with a stream as body', async () => {
  const client = new sdk.S3Client(aws.config({ forcePathStyle: true }));
  const input = { Bucket: 'photos', Key: 'k', Metadata: { Tracestate: 'a=1,hopguard=01-stale', own: 'x' } };
  const { request, call, outcomes } = await send(client, sdk.PutObjectCommand, {
    ...input,
    Body: Readable.from([Buffer.from('some '), Buffer.from('bytes')]),
    ContentLength: 10,
  });
  assertParent(request.headers['x-amz-meta-traceparent'], call);
  assert.equal(request.headers['x-amz-meta-tracestate'], `hopguard=${token(0)},a=1`);
  assert.equal(request.headers['x-amz-meta-own'], 'x');
  assert.match(request.headers.authorization, /SignedHeaders=[^,]*x-amz-meta-tracestate/);
  assert.match(request.body.toString(), /some bytes|some [\s\S]*bytes/);
  assert.deepEqual([outcomes, call.target, call.service], [{ replaced: 1 }, 'photos', 'S3']);
});

test('S3 PutObject: 2 KB of metadata are not exceeded', async () => {
  const client = new sdk.S3Client(aws.config({ forcePathStyle: true }));
  const input = { Bucket: 'photos', Key: 'k', Body: 'x', Metadata: { own: 'x'.repeat(2000), hopguard: '01-stale' } };
  const { request, outcomes } = await send(client, sdk.PutObjectCommand, input);
  const names = Object.keys(request.headers).filter((name) => name.startsWith('x-amz-meta-'));
  assert.deepEqual([names, outcomes], [['x-amz-meta-own'], { no_room: 1 }]);
});

test('S3 CopyObject: with REPLACE only', async () => {
  const client = new sdk.S3Client(aws.config({ forcePathStyle: true }));
  const input = { Bucket: 'photos', Key: 'k', CopySource: 'photos/j' };
  const kept = await send(client, sdk.CopyObjectCommand, input);
  assert.equal(kept.request.headers['x-amz-meta-tracestate'], undefined);
  assert.deepEqual([kept.outcomes, kept.asked], [{ unsupported: 1 }, []]);
  aws.reset();
  layer.reset();
  const replaced = await send(client, sdk.CopyObjectCommand, { ...input, MetadataDirective: 'REPLACE' });
  assert.equal(replaced.request.headers['x-amz-meta-tracestate'], STATE);
  assert.deepEqual(replaced.outcomes, { written: 1 });
});

test('lib-storage Upload: CreateMultipartUpload carries, its parts do not', async () => {
  const client = new sdk.S3Client(aws.config({ forcePathStyle: true }));
  const Body = Readable.from([Buffer.alloc(6 * 1024 * 1024), Buffer.alloc(1024)]);
  await new sdk.Upload({ client, params: { Bucket: 'photos', Key: 'big', Body } }).done();
  const create = aws.requests.find((request) => 'uploads' in request.query);
  const parts = aws.requests.filter((request) => 'partNumber' in request.query);
  assert.equal(create.headers['x-amz-meta-tracestate'], STATE);
  assert.equal(parts.length, 2);
  assert.ok(parts.every((part) => part.headers['x-amz-meta-tracestate'] === undefined));
  assert.equal(layer.asked.length, 1);
  const calls = (await layer.reports(4, (report) => report.call)).map((report) => report.call.operation).sort();
  assert.deepEqual(calls, ['CompleteMultipartUpload', 'CreateMultipartUpload', 'UploadPart', 'UploadPart']);
});

test('lib-storage Upload of a small body: PutObject carries', async () => {
  const client = new sdk.S3Client(aws.config({ forcePathStyle: true }));
  await new sdk.Upload({ client, params: { Bucket: 'photos', Key: 'small', Body: 'x' } }).done();
  assert.deepEqual(aws.requests.map((request) => request.headers['x-amz-meta-tracestate']), [STATE]);
});

test('presigned requests are left alone and counted, whether the client has sent something or not', async () => {
  const client = new sdk.S3Client(aws.config({ forcePathStyle: true }));
  const command = () => new sdk.PutObjectCommand({ Bucket: 'photos', Key: 'k', Metadata: { own: 'x' } });
  const before = await sdk.getSignedUrl(client, command(), { expiresIn: 60 });
  await client.send(new sdk.HeadBucketCommand({ Bucket: 'photos' }));
  const behind = await sdk.getSignedUrl(client, command(), { expiresIn: 60 });
  const read = await sdk.getSignedUrl(client, new sdk.GetObjectCommand({ Bucket: 'photos', Key: 'k' }), { expiresIn: 60 });
  for (const url of [before, behind, read]) assert.equal(/hopguard|tracestate/.test(url), false, url);
  assert.deepEqual(layer.asked, []);
  const counted = (await layer.settled()).filter((report) => report.outcomes).map((report) => report.outcomes);
  assert.deepEqual(counted, [{ unsupported: 1 }, { unsupported: 1 }]);
});

test('Lambda Invoke, synchronous: client context, whose other values stay as they were written', async () => {
  const client = new sdk.LambdaClient(aws.config());
  const theirs = '{"client":{"big":12345678901234567890},"custom":{"a":"1.0","hopguard":"01-stale"}}';
  const input = {
    FunctionName: 'arn:aws:lambda:eu-west-1:123456789012:function:worker:live',
    ClientContext: Buffer.from(theirs).toString('base64'),
    Payload: '{"a":1}',
  };
  const { request, call, outcomes } = await send(client, sdk.InvokeCommand, input);
  const context = Buffer.from(request.headers['x-amz-client-context'], 'base64').toString();
  assert.match(context, /"client":\{"big":12345678901234567890\}/);
  const { custom } = JSON.parse(context);
  assertParent(custom.traceparent, call);
  assert.deepEqual([custom.tracestate, custom.a, custom.hopguard], [STATE, '1.0', undefined]);
  assert.equal(request.body.toString(), '{"a":1}');
  assert.deepEqual([outcomes, call.target], [{ replaced: 1 }, 'worker']);
});

test('Lambda Invoke, synchronous: what is no client context, or has no room, is left alone', async () => {
  const cases = [
    ['not base64', '%%%', { unsupported: 1 }],
    ['no object', Buffer.from('[]').toString('base64'), { unsupported: 1 }],
    ['custom is none', Buffer.from('{"custom":1}').toString('base64'), { unsupported: 1 }],
    ['full', Buffer.from(JSON.stringify({ env: { a: 'x'.repeat(2600) } })).toString('base64'), { no_room: 1 }],
  ];
  for (const [name, ClientContext, expected] of cases) {
    aws.reset();
    layer.reset();
    const input = { FunctionName: 'worker', ClientContext };
    const { request, outcomes } = await send(new sdk.LambdaClient(aws.config()), sdk.InvokeCommand, input);
    assert.equal(request.headers['x-amz-client-context'], ClientContext, name);
    assert.deepEqual(outcomes, expected, name);
  }
});

test('Lambda Invoke, asynchronous: the field in the payload, every other byte kept', async () => {
  const client = new sdk.LambdaClient(aws.config());
  const text = '{ "é": 1.0, "big": 12345678901234567890 }';
  for (const Payload of [text, Buffer.from(text), new Uint8Array(Buffer.from(text))]) {
    aws.reset();
    layer.reset();
    const input = { FunctionName: '123456789012:worker', InvocationType: 'Event', Payload };
    const { request, call, outcomes } = await send(client, sdk.InvokeCommand, input);
    assertField(request.body.toString(), call);
    assert.equal(request.body.toString().replace(/"hopguard":\{[^}]*\},/, ''), text);
    assert.equal(request.headers['x-amz-client-context'], undefined);
    assert.deepEqual(outcomes, { written: 1 });
  }
});

test('Lambda Invoke: a payload that is no object, and a dry run, carry nothing', async () => {
  const client = new sdk.LambdaClient(aws.config());
  const asynchronous = { FunctionName: 'worker', InvocationType: 'Event', Payload: '[1]' };
  const array = await send(client, sdk.InvokeCommand, asynchronous);
  assert.deepEqual([array.request.body.toString(), array.outcomes, array.asked], ['[1]', { unsupported: 1 }, []]);
  layer.reset();
  const dry = await send(client, sdk.InvokeCommand, { FunctionName: 'worker', InvocationType: 'DryRun' });
  assert.deepEqual([dry.outcomes, dry.asked], [undefined, []]);
});

test('Lambda Invoke: a named durable execution stays repeatable', async () => {
  const client = new sdk.LambdaClient(aws.config());
  const input = { FunctionName: 'worker:1', DurableExecutionName: 'order-7', Payload: '{}' };
  const named = await send(client, sdk.InvokeCommand, { ...input, InvocationType: 'Event' });
  assert.deepEqual([named.request.body.toString(), named.outcomes, named.asked], ['{}', { unsupported: 1 }, []]);
  aws.reset();
  layer.reset();
  const { request, outcomes } = await send(client, sdk.InvokeCommand, input);
  assert.deepEqual([request.body.toString(), outcomes], ['{}', { written: 1 }], 'its payload stays the same');
});

test('Lambda Invoke, asynchronous: a payload is not pushed over 256 KiB', async () => {
  const Payload = JSON.stringify({ a: 'x'.repeat(256 * 1024 - 100) });
  const input = { FunctionName: 'worker', InvocationType: 'Event', Payload };
  const { request, outcomes } = await send(new sdk.LambdaClient(aws.config()), sdk.InvokeCommand, input);
  assert.deepEqual([request.body.toString() === Payload, outcomes], [true, { no_room: 1 }]);
});

test('Lambda InvokeWithResponseStream: client context', async () => {
  const input = { FunctionName: 'worker', Payload: '{}' };
  const { request, outcomes } = await send(new sdk.LambdaClient(aws.config()), sdk.InvokeWithResponseStreamCommand, input);
  const { custom } = JSON.parse(Buffer.from(request.headers['x-amz-client-context'], 'base64').toString());
  assert.deepEqual([custom.tracestate, outcomes], [STATE, { written: 1 }]);
});

test('EventBridge PutEvents: the field in each detail', async () => {
  const entry = (Detail) => ({ Source: 'shop', DetailType: 'order', Detail, EventBusName: 'shop-bus' });
  const input = { Entries: [entry('{"a":1.0}'), entry('[]'), entry('{"hopguard":"01-stale"}')] };
  const { request, call, outcomes } = await send(new sdk.EventBridgeClient(aws.config()), sdk.PutEventsCommand, input);
  const details = request.json.Entries.map((sent) => sent.Detail);
  assertField(details[0], call);
  assert.match(details[0], /"a":1\.0/);
  assert.equal(details[1], '[]');
  assertField(details[2], call, 2);
  assert.deepEqual(outcomes, { written: 1, unsupported: 1, replaced: 1 });
  assert.deepEqual([call.target, call.service], ['shop-bus', 'EventBridge']);
});

test('EventBridge PutEvents: the proxy is asked for all entries or for none', async () => {
  const client = new sdk.EventBridgeClient(aws.config());
  const entries = (...details) => ({ Entries: details.map((Detail) => ({ Source: 'shop', DetailType: 'order', Detail })) });
  const none = await send(client, sdk.PutEventsCommand, entries('[]', '{broken', undefined));
  assert.deepEqual([none.outcomes, none.asked], [{ unsupported: 3 }, []]);
  layer.reset();
  layer.answer = () => [404, '{}'];
  const some = await send(client, sdk.PutEventsCommand, entries('[]', '{}', '{"a":1}'));
  assert.deepEqual([some.outcomes, some.asked[0].sends], [{ unsupported: 1, no_scope: 2 }, 3]);
});

test('EventBridge PutEvents: an entry stays smaller than 256 KB', async () => {
  const client = new sdk.EventBridgeClient(aws.config());
  const field = `"hopguard":{"traceparent":"${'-'.repeat(55)}","tracestate":"${STATE}"},`.length;
  for (const [room, expected] of [[field, 'no_room'], [field + 1, 'written']]) {
    aws.reset();
    layer.reset();
    const Detail = `{"a":"${'x'.repeat(256 * 1024 - 's'.length - 'd'.length - '{"a":""}'.length - room)}"}`;
    const input = { Entries: [{ Source: 's', DetailType: 'd', Detail }] };
    const { outcomes } = await send(client, sdk.PutEventsCommand, input);
    assert.deepEqual(outcomes, { [expected]: 1 });
  }
});

test('Step Functions: the field in the input, but not where a name makes a start repeatable', async () => {
  const client = new sdk.SFNClient(aws.config({ disableHostPrefix: true }));
  const stateMachineArn = 'arn:aws:states:eu-west-1:123456789012:stateMachine:machine';
  for (const Command of [sdk.StartExecutionCommand, sdk.StartSyncExecutionCommand]) {
    aws.reset();
    layer.reset();
    const { request, call, outcomes } = await send(client, Command, { stateMachineArn, input: '{"a":1}' });
    assertField(request.json.input, call);
    assert.deepEqual([outcomes, call.target, call.service], [{ written: 1 }, 'machine', 'SFN']);
    aws.reset();
    layer.reset();
    const absent = await send(client, Command, { stateMachineArn });
    assertField(absent.request.json.input, absent.call);
    assert.deepEqual([Object.keys(JSON.parse(absent.request.json.input)), absent.outcomes], [['hopguard'], { written: 1 }]);
  }
  aws.reset();
  layer.reset();
  const input = { stateMachineArn, input: '{"a":1}', name: 'order-7' };
  const named = await send(client, sdk.StartExecutionCommand, input);
  assert.deepEqual([named.request.json.input, named.outcomes, named.asked], ['{"a":1}', { unsupported: 1 }, []]);
  aws.reset();
  layer.reset();
  const bare = await send(client, sdk.StartExecutionCommand, { stateMachineArn, name: 'order-7' });
  assert.deepEqual([bare.request.json.input, bare.outcomes, bare.asked], [undefined, { unsupported: 1 }, []]);
  aws.reset();
  layer.reset();
  layer.answer = () => [404, '{}'];
  const alone = await send(client, sdk.StartExecutionCommand, { stateMachineArn });
  assert.deepEqual([alone.request.json.input, alone.outcomes], [undefined, { no_scope: 1 }]);
});

test('Kinesis PutRecord and PutRecords: the field in data that is a JSON object', async () => {
  const client = new sdk.KinesisClient(aws.config({ requestHandler: new sdk.NodeHttpHandler() }));
  const data = (record) => Buffer.from(record.Data, 'base64').toString();
  const one = { StreamName: 'clicks', PartitionKey: '1', Data: Buffer.from('{"a":1}') };
  const { request, call } = await send(client, sdk.PutRecordCommand, one);
  assertField(data(request.json), call);
  assert.equal(call.target, 'clicks');
  aws.reset();
  layer.reset();
  const others = [
    Buffer.from([0, 1, 255]),
    Buffer.from('{"a":1}\n{"b":2}'),
    Buffer.from('{"a":1,}'),
    Buffer.from('[1]'),
    Buffer.from([...Buffer.from('{"a":"'), 255, ...Buffer.from('"}')]),
  ];
  const Records = [Buffer.from('{}'), ...others, new TextEncoder().encode(' {"b":2}\n')];
  const many = { StreamName: 'clicks', Records: Records.map((Data) => ({ Data, PartitionKey: '1' })) };
  const batch = await send(client, sdk.PutRecordsCommand, many);
  const sent = batch.request.json.Records;
  assertField(data(sent[0]), batch.call);
  others.forEach((other, nth) => assert.equal(sent[nth + 1].Data, other.toString('base64')));
  assertField(data(sent[6]), batch.call, 6);
  assert.deepEqual([batch.outcomes, batch.asked[0].sends], [{ written: 2, unsupported: 5 }, 7]);
  layer.reset();
  aws.reset();
  const two = await send(client, sdk.PutRecordCommand, { ...one, Data: others[1] });
  assert.deepEqual([two.request.json.Data, two.outcomes, two.asked], [others[1].toString('base64'), { unsupported: 1 }, []]);
});

/** The item attribute with the nth token: beside it is the span of its call. */
const attribute = (nth, { call }) => ({ S: `${token(nth)} 00-${TRACE}-${call.span}-01` });

test('DynamoDB: an item attribute, in named tables only', async () => {
  const client = new sdk.DynamoDBClient(aws.config());
  const Item = { id: { S: '1' } };
  const put = await send(client, sdk.PutItemCommand, { TableName: 'orders', Item });
  assert.deepEqual(put.request.json.Item, { ...Item, hopguard: attribute(0, put) });
  assert.deepEqual([put.outcomes, put.call.target], [{ written: 1 }, 'orders']);
  aws.reset();
  layer.reset();
  const other = await send(client, sdk.PutItemCommand, { TableName: 'others', Item });
  assert.deepEqual([other.request.json.Item, other.outcomes, other.asked], [Item, undefined, []]);
  aws.reset();
  layer.reset();
  const RequestItems = {
    orders: [{ PutRequest: { Item } }, { DeleteRequest: { Key: Item } }],
    others: [{ PutRequest: { Item } }],
    parts: [{ PutRequest: { Item: { ...Item, hopguard: { S: '01-stale' } } } }],
  };
  const batch = await send(client, sdk.BatchWriteItemCommand, { RequestItems });
  const sent = batch.request.json.RequestItems;
  assert.equal(batch.asked[0].sends, 2);
  assert.deepEqual(sent.orders[0].PutRequest.Item.hopguard, attribute(0, batch));
  assert.deepEqual(sent.orders[1], { DeleteRequest: { Key: Item } });
  assert.deepEqual(sent.others, RequestItems.others);
  assert.deepEqual(sent.parts[0].PutRequest.Item.hopguard, attribute(1, batch));
  assert.deepEqual(batch.outcomes, { written: 1, replaced: 1 });
});

test('DynamoDB UpdateItem: an assignment more', async () => {
  const client = new sdk.DynamoDBClient(aws.config());
  const Key = { id: { S: '1' } };
  const values = { ':n': { N: '1' } };
  const cases = [
    ['SET a = :n', 'SET #hopguard = :hopguard, a = :n'],
    ['REMOVE b set a = :n', 'REMOVE b set #hopguard = :hopguard, a = :n'],
    ['set#a=:n', 'set #hopguard = :hopguard,#a=:n'],
    ['ADD a :n', 'SET #hopguard = :hopguard ADD a :n'],
    ['REMOVE #set, offset', 'SET #hopguard = :hopguard REMOVE #set, offset'],
    ['ADD hopguards :n', 'SET #hopguard = :hopguard ADD hopguards :n'],
  ];
  for (const [UpdateExpression, expected] of cases) {
    aws.reset();
    layer.reset();
    const input = { TableName: 'orders', Key, UpdateExpression, ExpressionAttributeValues: values };
    const sent = await send(client, sdk.UpdateItemCommand, input);
    const { request, outcomes } = sent;
    assert.equal(request.json.UpdateExpression, expected);
    assert.deepEqual(request.json.ExpressionAttributeNames, { '#hopguard': 'hopguard' });
    assert.deepEqual(request.json.ExpressionAttributeValues, { ...values, ':hopguard': attribute(0, sent) });
    assert.deepEqual(outcomes, { written: 1 });
  }
  aws.reset();
  layer.reset();
  const names = { '#x': 'hopguard' };
  const own = { TableName: 'orders', Key, UpdateExpression: 'REMOVE #x', ExpressionAttributeNames: names };
  const theirs = await send(client, sdk.UpdateItemCommand, own);
  assert.deepEqual([theirs.request.json.UpdateExpression, theirs.outcomes], ['REMOVE #x', { unsupported: 1 }]);
  aws.reset();
  layer.reset();
  const older = { TableName: 'orders', Key, AttributeUpdates: { a: { Action: 'PUT', Value: { N: '1' } } } };
  const legacy = await send(client, sdk.UpdateItemCommand, older);
  assert.deepEqual(legacy.request.json.AttributeUpdates.hopguard, { Action: 'PUT', Value: attribute(0, legacy) });
  assert.deepEqual(legacy.outcomes, { written: 1 });
  aws.reset();
  layer.reset();
  const stale = { ...older, AttributeUpdates: { hopguard: { Action: 'PUT', Value: { S: '01-stale' } } } };
  const again = await send(client, sdk.UpdateItemCommand, stale);
  assert.deepEqual(again.request.json.AttributeUpdates, { hopguard: { Action: 'PUT', Value: attribute(0, again) } });
  assert.deepEqual(again.outcomes, { replaced: 1 });
});

test('DynamoDB TransactWriteItems: puts and updates, but not where a token makes it repeatable', async () => {
  const client = new sdk.DynamoDBClient(aws.config());
  const Key = { id: { S: '1' } };
  const TransactItems = [
    { Put: { TableName: 'orders', Item: Key } },
    { Update: { TableName: 'arn:aws:dynamodb:eu-west-1:123456789012:table/parts', Key, UpdateExpression: 'REMOVE a' } },
    { Delete: { TableName: 'orders', Key } },
  ];
  const sent = await send(client, sdk.TransactWriteItemsCommand, { TransactItems });
  const { request, outcomes } = sent;
  const [put, update, remove] = request.json.TransactItems;
  assert.deepEqual(put.Put.Item.hopguard, attribute(0, sent));
  assert.deepEqual(update.Update.ExpressionAttributeValues, { ':hopguard': attribute(1, sent) });
  assert.deepEqual(remove, TransactItems[2]);
  assert.deepEqual(outcomes, { written: 2 });
  aws.reset();
  layer.reset();
  const repeatable = await send(client, sdk.TransactWriteItemsCommand, { TransactItems, ClientRequestToken: 'mine' });
  assert.deepEqual(repeatable.request.json.TransactItems, TransactItems);
  assert.deepEqual([repeatable.outcomes, repeatable.asked], [{ unsupported: 2 }, []]);
});

test('DynamoDBDocumentClient: the same attribute, in its own form', async () => {
  const client = sdk.DynamoDBDocumentClient.from(new sdk.DynamoDBClient(aws.config()));
  const put = await send(client, sdk.PutCommand, { TableName: 'orders', Item: { id: '1', map: { S: 'x' } } });
  assert.deepEqual(put.request.json.Item.hopguard, attribute(0, put));
  assert.deepEqual(put.request.json.Item.map, { M: { S: { S: 'x' } } });
  assert.deepEqual([put.call.service, put.call.operation], ['DynamoDB', 'PutItem']);
  aws.reset();
  layer.reset();
  const input = { TableName: 'orders', Key: { id: 1 }, UpdateExpression: 'SET a = :a', ExpressionAttributeValues: { ':a': 2 } };
  const update = await send(client, sdk.UpdateCommand, input);
  assert.deepEqual(update.request.json.ExpressionAttributeValues, { ':a': { N: '2' }, ':hopguard': attribute(0, update) });
  aws.reset();
  layer.reset();
  const RequestItems = { orders: [{ PutRequest: { Item: { id: '1' } } }] };
  const batch = await send(client, sdk.BatchWriteCommand, { RequestItems });
  assert.deepEqual(batch.request.json.RequestItems.orders[0].PutRequest.Item.hopguard, attribute(0, batch));
  assert.equal(layer.asked.length, 1);
});

test('a call that carries nothing is reported, and nobody is asked', async () => {
  const client = new sdk.SQSClient(aws.config());
  const { call, outcomes, asked } = await send(client, sdk.GetQueueAttributesCommand, { QueueUrl: aws.queue('orders') });
  assert.deepEqual([call.operation, call.target, call.status, call.invocation], ['GetQueueAttributes', 'orders', 200, null]);
  assert.deepEqual([outcomes, asked], [undefined, []]);
});

test('a reusable answer serves every message of its call', async () => {
  layer.answer = (question) => [200, JSON.stringify(lineage(question, { tokens: [token(0)], reusable: true }))];
  const Entries = ['a', 'b', 'c'].map((Id) => ({ Id, MessageBody: Id }));
  const input = { QueueUrl: aws.queue('orders'), Entries };
  const { request, outcomes } = await send(new sdk.SQSClient(aws.config()), sdk.SendMessageBatchCommand, input);
  assert.deepEqual(request.json.Entries.map((entry) => entry.MessageAttributes.tracestate.StringValue), [STATE, STATE, STATE]);
  assert.deepEqual(outcomes, { written: 3 });
});

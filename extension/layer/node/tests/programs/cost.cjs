// Measures what the injector costs in this process. The parent serves the SDK and the proxy.
const { performance } = require('perf_hooks');

const { ENDPOINT, INJECTOR, REQUEST_ID, ROUNDS = '300' } = process.env;
if (REQUEST_ID) globalThis.awslambda = { InvokeStore: { getRequestId: () => REQUEST_ID, getXRayTraceId: () => undefined } };
const since = (start) => performance.now() - start;
const costs = {};

let start = performance.now();
if (INJECTOR) require(INJECTOR);
costs.load = since(start);

start = performance.now();
const { SQSClient, SendMessageCommand } = require('@aws-sdk/client-sqs');
costs.sdk = since(start);

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
const client = new SQSClient({ region: 'eu-west-1', endpoint: ENDPOINT, credentials });
const send = () => client.send(new SendMessageCommand({ QueueUrl: `${ENDPOINT}/1/orders`, MessageBody: 'hello' }));
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

(async () => {
  start = performance.now();
  await send();
  costs.first = since(start);
  const times = [];
  for (let n = 0; n < Number(ROUNDS); n += 1) {
    start = performance.now();
    await send();
    times.push(since(start));
  }
  costs.call = median(times);
  console.log(JSON.stringify(costs));
})();

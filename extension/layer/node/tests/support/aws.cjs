'use strict';
// A stand-in of the services: records what arrives on the wire, and answers what a client needs to be content.

const { createHash } = require('crypto');
const http = require('http');
const { once } = require('events');

const md5 = (text) => createHash('md5').update(text).digest('hex');

class Aws {
  /** Requests, in order: method, path, query, headers, body. */
  requests = [];
  /** Statuses that the next requests are refused with. */
  refusals = [];

  static async start() {
    const aws = new Aws();
    aws.server = http.createServer((request, response) => aws.#serve(request, response));
    aws.server.listen(0, '127.0.0.1');
    await once(aws.server, 'listening');
    aws.endpoint = `http://127.0.0.1:${aws.server.address().port}`;
    return aws;
  }

  reset() {
    this.requests = [];
    this.refusals = [];
  }

  /** What every client is made with. */
  config(more = {}) {
    return {
      region: 'eu-west-1',
      endpoint: this.endpoint,
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
      ...more,
    };
  }

  queue(name) {
    return `${this.endpoint}/123456789012/${name}`;
  }

  async #serve(request, response) {
    const body = Buffer.concat(await request.toArray());
    const { pathname, searchParams } = new URL(request.url, this.endpoint);
    const record = {
      method: request.method,
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: request.headers,
      body,
      json: /json/.test(request.headers['content-type']) ? JSON.parse(body.toString()) : undefined,
      form: Object.fromEntries(new URLSearchParams(body.toString())),
    };
    this.requests.push(record);
    const refusal = this.refusals.shift();
    if (refusal) {
      response.writeHead(refusal.status, { 'x-amzn-errortype': refusal.code, 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: refusal.code, message: 'refused' }));
      return;
    }
    const [headers, text] = answerTo(record);
    response.writeHead(200, headers);
    response.end(text);
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function answerTo(record) {
  const operation = (record.headers['x-amz-target'] ?? '').split('.')[1];
  if (operation) return [{ 'content-type': record.headers['content-type'] }, JSON.stringify(jsonAnswer(operation, record))];
  const xml = { 'content-type': 'text/xml' };
  if (record.headers['content-type'] === 'application/x-www-form-urlencoded') return [xml, queryAnswer(record.form)];
  if (record.path.startsWith('/2015-03-31/functions/')) return [{ 'content-type': 'application/json' }, '{"ok":true}'];
  if (record.path.startsWith('/2021-11-15/functions/')) return [{ 'content-type': 'application/vnd.amazon.eventstream' }, ''];
  return [{ ...xml, etag: '"e"' }, s3Answer(record)];
}

function jsonAnswer(operation, record) {
  const sent = record.json;
  switch (operation) {
    case 'SendMessage':
      return { MessageId: '1', MD5OfMessageBody: md5(sent.MessageBody) };
    case 'SendMessageBatch':
      return {
        Successful: sent.Entries.map(({ Id, MessageBody }) => ({ Id, MessageId: Id, MD5OfMessageBody: md5(MessageBody) })),
        Failed: [],
      };
    case 'StartExecution':
    case 'StartSyncExecution':
      return { executionArn: 'arn:aws:states:eu-west-1:123456789012:execution:m:e', startDate: 1 };
    default:
      return {};
  }
}

function queryAnswer({ Action, ...sent }) {
  const results = {
    Publish: '<MessageId>1</MessageId>',
    PublishBatch: '<Successful/><Failed/>',
    SendMessage: `<MessageId>1</MessageId><MD5OfMessageBody>${md5(sent.MessageBody ?? '')}</MD5OfMessageBody>`,
  };
  return `<${Action}Response><${Action}Result>${results[Action] ?? ''}</${Action}Result></${Action}Response>`;
}

function s3Answer({ method, query, headers }) {
  if (method === 'POST' && 'uploads' in query) {
    return '<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>';
  }
  if (method === 'POST') {
    return '<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><ETag>"e"</ETag></CompleteMultipartUploadResult>';
  }
  if (headers['x-amz-copy-source']) return '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>';
  return '';
}

module.exports = { Aws };

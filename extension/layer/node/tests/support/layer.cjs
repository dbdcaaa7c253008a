'use strict';
// A stand-in of the layer's proxy and its port for reports.

const dgram = require('dgram');
const http = require('http');
const { once } = require('events');

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const INVOCATION = '8476a536-e9f4-11e8-9739-2dfe598c3fcd';
const token = (nth) => `01-${TRACE}-${nth + 1}-256-68fd508a:1`;

/** An answer with a token for each message. */
function lineage({ sends, invocation }, more = {}) {
  return {
    invocation: invocation ?? INVOCATION,
    trace: TRACE,
    parent: PARENT,
    flags: '01',
    others: 'vendor=x',
    tokens: Array.from({ length: sends }, (_, nth) => token(nth)),
    reusable: false,
    ...more,
  };
}

class Layer {
  /** What was asked, in order. */
  asked = [];
  /** Sockets that asked. */
  connections = 0;
  #reports = [];
  #waiting = [];

  static async start() {
    const layer = new Layer();
    layer.reset();
    layer.server = http.createServer((request, response) => layer.#ask(request, response));
    layer.server.on('connection', () => (layer.connections += 1));
    layer.socket = dgram.createSocket('udp4', (datagram) => layer.#report(JSON.parse(datagram.toString())));
    layer.server.listen(0, '127.0.0.1');
    layer.socket.bind(0, '127.0.0.1');
    await Promise.all([once(layer.server, 'listening'), once(layer.socket, 'listening')]);
    layer.proxy = `127.0.0.1:${layer.server.address().port}`;
    layer.env = { HOPGUARD_PROXY: layer.proxy, HOPGUARD_REPORTS: `127.0.0.1:${layer.socket.address().port}` };
    return layer;
  }

  reset() {
    this.asked = [];
    this.#reports = [];
    /** What is answered: `[status, body]`; nothing where the proxy is to hang. */
    this.answer = (question) => [200, JSON.stringify(lineage(question))];
  }

  async #ask(request, response) {
    const chunks = await request.toArray();
    const question = JSON.parse(Buffer.concat(chunks).toString());
    this.asked.push({ path: request.url, method: request.method, ...question });
    const answer = this.answer(question);
    if (!answer) return;
    const [status, body] = answer;
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }

  #report(report) {
    this.#reports.push(report);
    this.#waiting = this.#waiting.filter((check) => !check());
  }

  /** The first reports that fulfil a condition, as many as asked for. */
  async reports(wanted = 1, condition = () => true) {
    const found = () => this.#reports.filter(condition);
    if (found().length < wanted) {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`reports: ${JSON.stringify(this.#reports)}`)), 2000);
        this.#waiting.push(() => {
          const enough = found().length >= wanted;
          if (enough) {
            clearTimeout(timer);
            resolve();
          }
          return enough;
        });
      });
    }
    return found();
  }

  /** What was reported so far, all datagrams on their way included. */
  async settled() {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return this.#reports;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
    this.socket.close();
  }
}

module.exports = { INVOCATION, Layer, PARENT, TRACE, lineage, token };

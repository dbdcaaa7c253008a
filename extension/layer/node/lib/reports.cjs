'use strict';
// Tells the extension what became of a call: one datagram, and nobody waits for it.

const dgram = require('dgram');

/** The longest datagram that the extension reads, in bytes. */
const MAX_DATAGRAM = 8192;
/** The longest text of an error, in characters. */
const MAX_ERROR = 400;

class Reports {
  #host;
  #port;
  #socket;
  #faults = new Set();

  /** @param address `host:port`; without one nothing is reported */
  constructor(address) {
    if (!address) return;
    const at = address.lastIndexOf(':');
    this.#host = address.slice(0, at);
    this.#port = Number(address.slice(at + 1));
  }

  /** Whether anybody is told. */
  get listens() {
    return this.#port !== undefined;
  }

  /** Binds the socket, so that a report at the call's end goes out at once. */
  open() {
    if (this.#socket || !this.#port) return;
    // The address is a number: no resolver, and no instrumentation of it, has to see it.
    const socket = dgram.createSocket({ type: 'udp4', lookup: (host, _, done) => done(null, host, 4) });
    socket.on('error', () => {});
    socket.unref();
    socket.bind(0, '127.0.0.1');
    this.#socket = socket;
  }

  /** Sends a report. */
  send(report) {
    try {
      this.open();
      const datagram = Buffer.from(JSON.stringify(report), 'utf8');
      if (this.#socket && datagram.length <= MAX_DATAGRAM) this.#socket.send(datagram, this.#port, this.#host, () => {});
    } catch {
      // A report that is lost is lost.
    }
  }

  /** Reports an error inside the injector, each place once. */
  fault(where, error) {
    if (this.#faults.has(where)) return;
    this.#faults.add(where);
    this.send({ fault: { injector: 'node', where, error: String(error).slice(0, MAX_ERROR) } });
  }
}

module.exports = { Reports };

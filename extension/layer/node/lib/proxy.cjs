'use strict';
// Asks the layer's proxy for the lineage of a call's messages.

// Fake timers of a user's tests are not for us, nor is an instrumented `http.request`: a question is no call of the function's.
const { setInterval, clearInterval, setImmediate } = globalThis;
const http = require('http');

/** How long a call waits for its lineage, in milliseconds; counted in steps, so that a time in which the function computes is one. */
const LIMIT_MS = 250;
const STEP_MS = 25;
/** After so many failures in a row, nobody asks for this long: a proxy that hangs must not hold every call up. */
const FAILURES = 3;
const PAUSE_MS = 5000;
/** The most messages that one question may be about. */
const MAX_SENDS = 1000;
/** The longest answer that is read, in bytes: 1,000 tokens are 260 KB. */
const MAX_ANSWER = 1024 * 1024;
/** Invocations whose answers are kept: as many as one environment may run at once. */
const MAX_KEPT = 64;
/** Targets of one invocation whose answer is kept. */
const MAX_KEPT_TARGETS = 64;

const HEX = { trace: /^(?!0+$)[0-9a-f]{32}$/, parent: /^(?!0+$)[0-9a-f]{16}$/, flags: /^[0-9a-f]{2}$/ };
/** Free of quotes, commas, equals signs, semicolons and white space; a signature is in base64url. */
const TOKEN = /^01-[0-9A-Za-z_:.-]{1,253}$/;

class Proxy {
  #address;
  #agent = new http.Agent({ keepAlive: true, maxSockets: 8, scheduling: 'lifo' });
  #kept = new Map();
  #gathering = new Map();
  #failures = 0;
  #pausedUntil = 0;

  /** @param address `host:port` */
  constructor(address) {
    const at = address.lastIndexOf(':');
    this.#address = { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
  }

  /**
   * The lineage of `sends` messages of one call. Calls to one target that begin together ask together.
   *
   * @param invocation the request id, or `null` where it is not known
   * @param call `service` and `target`, the name of what the call is for, where they are known
   * @returns `lineage`; or `scope: 'none'` where no invocation is under way, or several and none was named; or nothing
   * while asking pauses
   * @throws where there was no answer, or none that can be read
   */
  async sends(invocation, sends, { service, target } = {}) {
    const about = { service, target };
    const place = JSON.stringify([service, target]);
    const known = this.#kept.get(invocation)?.reusable.get(place);
    if (known) return { lineage: known };
    if (sends > MAX_SENDS || Date.now() < this.#pausedUntil) return {};
    const together = JSON.stringify([invocation, place]);
    let question = this.#gathering.get(together);
    if (!question || question.sends + sends > MAX_SENDS) question = this.#gather(together, invocation, about, place);
    const from = question.sends;
    question.sends += sends;
    const { scope, lineage } = await question.answer;
    if (!lineage) return { scope };
    if (lineage.reusable) return { lineage };
    return { lineage: { ...lineage, tokens: lineage.tokens.slice(from, from + sends) } };
  }

  /** What the proxy last said of an invocation; nothing where nobody has asked, or its id is not known. */
  known(invocation) {
    return this.#kept.get(invocation)?.latest;
  }

  /** Begins a question that is asked as soon as all that runs now has run. */
  #gather(together, invocation, about, place) {
    const question = { sends: 0 };
    this.#gathering.set(together, question);
    question.answer = new Promise((resolve) => setImmediate(resolve)).then(() => {
      if (this.#gathering.get(together) === question) this.#gathering.delete(together);
      return this.#lineage(invocation, question.sends, about, place);
    });
    return question;
  }

  async #lineage(invocation, sends, about, place) {
    let answer;
    try {
      answer = await this.#ask(JSON.stringify({ invocation, sends, ...about }));
    } catch (error) {
      this.#failed();
      throw error;
    }
    this.#failures = 0;
    if (answer.status === 404 || answer.status === 409) return { scope: 'none' };
    const lineage = read(answer, sends);
    // Without an id nobody can tell when the invocation is over that an answer belongs to: it serves these calls alone.
    if (invocation !== null) this.#keep(invocation, place, lineage);
    return { lineage };
  }

  #failed() {
    this.#failures += 1;
    if (this.#failures < FAILURES) return;
    this.#failures = 0;
    this.#pausedUntil = Date.now() + PAUSE_MS;
  }

  #keep(invocation, place, lineage) {
    const kept = this.#kept.get(invocation) ?? { reusable: new Map() };
    // Tokens that serve once are spent.
    kept.latest = { ...lineage, tokens: [] };
    if (lineage.reusable && kept.reusable.size < MAX_KEPT_TARGETS) kept.reusable.set(place, lineage);
    this.#kept.set(invocation, kept);
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value);
  }

  #ask(body, agent = this.#agent) {
    return new Promise((resolve, reject) => {
      const request = new http.ClientRequest({
        ...this.#address,
        agent,
        method: 'POST',
        path: '/hopguard/v1/sends',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      });
      let steps = LIMIT_MS / STEP_MS;
      const timer = setInterval(() => {
        steps -= 1;
        if (steps === 0) request.destroy(new Error(`no answer within ${LIMIT_MS} ms`));
      }, STEP_MS);
      const end = () => clearInterval(timer);
      const fail = (error) => {
        end();
        // The proxy may have closed an idle connection at the very moment when it was used again: a new one will do.
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        if (stale) this.#ask(body, false).then(resolve, reject);
        else reject(error);
      };
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks = [];
        let size = 0;
        response.on('data', (chunk) => {
          size += chunk.length;
          if (size > MAX_ANSWER) request.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => {
          end();
          resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString('utf8') });
        });
      });
      request.end(body);
    });
  }
}

/** Reads an answer strictly: what is written into a customer's message is nothing but what the contract says. */
function read({ status, text }, sends) {
  if (status !== 200) throw new Error(`the proxy answered ${status}`);
  const { invocation, trace, parent, flags, others, tokens, reusable } = JSON.parse(text);
  const texts = { trace, parent, flags };
  const isRead =
    Object.keys(HEX).every((name) => typeof texts[name] === 'string' && HEX[name].test(texts[name])) &&
    Array.isArray(tokens) &&
    (reusable === true ? tokens.length > 0 : tokens.length === sends) &&
    typeof (others ?? '') === 'string' &&
    tokens.every((token) => typeof token === 'string' && TOKEN.test(token));
  if (!isRead) throw new Error('the answer cannot be read');
  return {
    invocation: typeof invocation === 'string' ? invocation : null,
    trace,
    parent,
    flags,
    others: others ?? '',
    tokens,
    reusable: reusable === true,
  };
}

module.exports = { Proxy, TOKEN };

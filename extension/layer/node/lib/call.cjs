'use strict';
// One call of an SDK client, as it is reported.

const { randomBytes } = require('crypto');

/** The most that the two clocks may drift apart before they are set again, in nanoseconds: a frozen environment does that. */
const MAX_DRIFT = 5_000_000n;
/** The longest name of a target, in characters. */
const MAX_TARGET = 256;
/** Attempts of one call that are told apart, and the longest name of what went wrong in one. */
const MAX_TRIES = 16;
const MAX_ERROR = 64;

/** Members of an input that name a target, in the order in which they are looked for. */
const TARGETS = [
  'QueueUrl',
  'QueueName',
  'TopicArn',
  'TargetArn',
  'Bucket',
  'TableName',
  'StreamName',
  'StreamARN',
  'stateMachineArn',
  'FunctionName',
  'EventBusName',
];

/** Loaded where somebody listens. */
const dependence = () => require('./dependence.cjs');

let offset = 0n;

/** Nanoseconds since 1970, finer than `Date.now()`: calls one after the other must not seem to overlap. */
function now() {
  const monotonic = process.hrtime.bigint();
  const wall = BigInt(Date.now()) * 1_000_000n;
  const drift = wall - (monotonic + offset);
  if (drift > MAX_DRIFT || drift < -MAX_DRIFT) offset = wall - monotonic;
  return monotonic + offset;
}

/** The name in a URL, an ARN or a name. */
function nameIn(member, text) {
  if (member === 'FunctionName') {
    const parts = text.split(':');
    return parts[parts.indexOf('function') + 1];
  }
  return text.replace(/\/+$/, '').split('/').pop().split(':').pop();
}

/** The name of the queue, topic, bucket, table, stream, state machine, event bus or function that a call is for. */
function targetOf(input) {
  const member = TARGETS.find((name) => typeof input[name] === 'string' && input[name] !== '');
  if (member) return nameIn(member, input[member]).slice(0, MAX_TARGET);
  const tables = Object.keys(input.RequestItems ?? {});
  if (tables.length === 1) return nameIn('TableName', tables[0]).slice(0, MAX_TARGET);
  const bus = Array.isArray(input.Entries) ? input.Entries[0]?.EventBusName : undefined;
  return typeof bus === 'string' ? nameIn('EventBusName', bus).slice(0, MAX_TARGET) : undefined;
}

/** The service's error code, or what an error calls itself where no answer came. */
function codeOf(error) {
  const name = typeof error?.name === 'string' ? error.name : typeof error;
  // Node.js gives its own errors, such as a refused connection, a code and no name.
  return String(name === 'Error' && error.code ? error.code : name).slice(0, MAX_TARGET);
}

class Call {
  #start = now();
  #outcomes = {};
  #tries = [];
  #shown;
  #after;

  constructor(service, operation, input, invocation) {
    this.service = service;
    this.operation = operation;
    this.target = targetOf(input);
    this.type = service === 'Lambda' && typeof input.InvocationType === 'string' ? input.InvocationType.slice(0, MAX_ERROR) : undefined;
    this.invocation = invocation;
    this.span = randomBytes(8).toString('hex');
  }

  /** Where in the injector something may go wrong. */
  get where() {
    return `${this.service}.${this.operation}`;
  }

  /** Counts what became of a message's lineage. */
  count(outcome, messages = 1) {
    if (messages > 0) this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + messages;
  }

  /** Takes over what the proxy said of the invocation. */
  belongsTo(lineage) {
    this.invocation = lineage.invocation ?? this.invocation;
    this.trace = lineage.trace;
    this.parent = lineage.parent;
  }

  /** Takes note of what the input shows, and of the calls that this may come from. */
  shows(input) {
    this.#shown = dependence().shown(input);
    const after = dependence().after(this.invocation, this.#shown);
    if (after.length > 0) this.#after = after;
  }

  /** Takes note of what the output shows, for the calls that come. */
  showed(output) {
    if (this.#shown) dependence().remember(this.invocation, this.span, this.#shown, dependence().shown(output));
  }

  /** One attempt begins; the answer is to be told of its end. */
  tries() {
    const start = now();
    return (result, error) => {
      if (this.#tries.length >= MAX_TRIES) return;
      const end = now();
      this.#tries.push({
        start_ns: String(start),
        end_ns: String(end > start ? end : start),
        status: result?.response?.statusCode ?? error?.$metadata?.httpStatusCode ?? error?.$response?.statusCode,
        error: error === undefined ? undefined : codeOf(error).slice(0, MAX_ERROR),
      });
    };
  }

  /** The call itself begins: what was before was ours. */
  begin() {
    this.#start = now();
  }

  /** The report of a call that is over. */
  report(result, error) {
    const over = now();
    const end = over > this.#start ? over : this.#start;
    const metadata = (error === undefined ? result?.output : error)?.$metadata ?? {};
    const call = {
      invocation: this.invocation,
      trace: this.trace,
      parent: this.parent,
      span: this.span,
      service: this.service,
      operation: this.operation,
      start_ns: String(this.#start),
      end_ns: String(end),
      attempts: metadata.attempts ?? 1,
      status: metadata.httpStatusCode ?? error?.$response?.statusCode,
      error: error === undefined ? undefined : codeOf(error),
      target: this.target,
      type: this.type,
      after: this.#after,
      tries: this.#tries.length > 0 ? this.#tries : undefined,
    };
    const counted = Object.keys(this.#outcomes).length > 0;
    return counted ? { call, outcomes: this.#outcomes } : { call };
  }
}

module.exports = { Call };

'use strict';
// The middleware that every client of the AWS SDK v3 is given: it writes the lineage into a call's typed input, before it is
// serialised and signed, and reports the call.

const { Call } = require('./call.cjs');
const { Proxy } = require('./proxy.cjs');
const { Reports } = require('./reports.cjs');

/** The carriers of a client's calls; a file is loaded where a function uses its service. */
const CARRIERS = {
  SQS: () => require('./attributes.cjs').SQS,
  SNS: () => require('./attributes.cjs').SNS,
  S3: () => require('./metadata.cjs').S3,
  Lambda: () => require('./lambda.cjs').Lambda,
  EventBridge: () => require('./field.cjs').EventBridge,
  SFN: () => require('./field.cjs').SFN,
  Kinesis: () => require('./field.cjs').Kinesis,
  DynamoDB: () => require('./items.cjs').DynamoDB,
};

function carrierOf(client, operation) {
  const carriers = Object.hasOwn(CARRIERS, client) ? CARRIERS[client]() : {};
  return Object.hasOwn(carriers, operation) ? carriers[operation] : undefined;
}

/** After all other middleware of its step, so that it sees the input as it will be sent. */
const PLACE = { step: 'initialize', priority: 'low', name: 'hopguard', tags: ['HOPGUARD'], override: true };

/** Behind the SDK's retries, and so once for each attempt. */
const ATTEMPT = { step: 'finalizeRequest', priority: 'low', name: 'hopguardAttempt', tags: ['HOPGUARD'], override: true };

const proxy = process.env.HOPGUARD_PROXY ? new Proxy(process.env.HOPGUARD_PROXY) : undefined;
const reports = new Reports(process.env.HOPGUARD_REPORTS);

/** The request id where the runtime tells it to the SDK; `null` elsewhere. It alone is right where invocations run at once. */
function invocation() {
  try {
    const id = globalThis.awslambda?.InvokeStore?.getRequestId?.();
    return typeof id === 'string' && /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(id) ? id : null;
  } catch {
    return null;
  }
}

async function asked(call, sends) {
  try {
    return await proxy.sends(call.invocation, sends, call);
  } catch (error) {
    reports.fault('proxy', error);
    return {};
  }
}

/** Answers the input to send: the caller's own, or a copy with the lineage in it. */
async function withLineage(call, carrier, input) {
  // One for each message: whether it can carry lineage.
  const carries = carrier.carries(input);
  const carrying = carries.filter(Boolean).length;
  call.count('unsupported', carries.length - carrying);
  if (carrying === 0) return input;
  const answer = await asked(call, carries.length);
  if (answer.scope === 'none') call.count('no_scope', carrying);
  if (!answer.lineage) return input;
  call.belongsTo(answer.lineage);
  const { trace, flags, others, tokens, reusable } = answer.lineage;
  let next = 0;
  const outbound = () => {
    const token = tokens[reusable ? 0 : next];
    next += 1;
    return { token, parent: `00-${trace}-${call.span}-${flags}`, others };
  };
  const outcomes = [];
  const written = carrier.write(input, outbound, (outcome) => outcomes.push(outcome), carries);
  // Counted when all is written: what throws half-way has written nothing.
  for (const outcome of outcomes) call.count(outcome);
  return written;
}

/** Calls under way, by the SDK's context of each. */
const underWay = new WeakMap();

async function observed(next, args, context, call, carrier) {
  let sent = args;
  try {
    reports.open();
    if (carrier) {
      const input = await withLineage(call, carrier, args.input);
      if (input !== args.input) sent = { ...args, input };
    }
    const known = call.trace ? undefined : proxy?.known(call.invocation);
    if (known) call.belongsTo(known);
    if (reports.listens) {
      call.shows(args.input);
      underWay.set(context, call);
    }
  } catch (error) {
    reports.fault(call.where, error);
  }
  call.begin();
  let result;
  try {
    result = await next(sent);
  } catch (error) {
    report(call, undefined, error ?? {});
    throw error;
  }
  report(call, result);
  return result;
}

/** Tells the call of one attempt. */
const attempt = (next, context) => async (args) => {
  let ended;
  try {
    ended = underWay.get(context)?.tries();
  } catch {
    // The attempt goes unreported.
  }
  if (!ended) return next(args);
  let result;
  try {
    result = await next(args);
  } catch (error) {
    told(ended, undefined, error ?? {});
    throw error;
  }
  told(ended, result);
  return result;
};

function told(ended, result, error) {
  try {
    ended(result, error);
  } catch (fault) {
    reports.fault('attempt', fault);
  }
}

function report(call, result, error) {
  try {
    reports.send(call.report(result, error));
    if (error === undefined) call.showed(result?.output);
  } catch (fault) {
    reports.fault(call.where, fault);
  }
}

/** The call as the SDK's context names it; `undefined` where it cannot be told. */
function callOf(context, serviceId, input) {
  try {
    const client = String(context.clientName ?? '').replace(/Client$/, '');
    const operation = String(context.commandName ?? '').replace(/Command$/, '');
    if (!operation) return {};
    const call = new Call(serviceId ?? client, operation, input ?? {}, invocation());
    return { call, carrier: proxy && input ? carrierOf(client, operation) : undefined };
  } catch (error) {
    reports.fault('call', error);
    return {};
  }
}

/** @param isSent whether a handler's arguments are those of a command that is sent, and not presigned */
function middleware(serviceId, isSent) {
  return (next, context) => (args) => {
    const { call, carrier } = callOf(context, serviceId, args?.input);
    if (!call) return next(args);
    if (isSent(args)) return observed(next, args, context, call, carrier);
    // Whoever sends a presigned request would have to send our headers too, or its signature fails.
    if (carrier && !countsPresigned) unsupported();
    return next(args);
  };
}

function unsupported() {
  reports.send({ outcomes: { unsupported: 1 } });
}

function serviceOf(client) {
  const id = client?.config?.serviceId;
  return typeof id === 'string' ? id : undefined;
}

/** A client's middleware stack as its `send` resolves it, with ours in it. The client's own stays as it is. */
function stackOf(client) {
  const stack = client.middlewareStack;
  const concat = (other) => {
    const whole = stack.concat(other);
    try {
      whole.add(middleware(serviceOf(client), () => true), PLACE);
      whole.add(attempt, ATTEMPT);
    } catch (error) {
      reports.fault('stack', error);
    }
    return whole;
  };
  return Object.create(stack, { concat: { value: concat } });
}

/** For code that the hooks do not reach: `client.middlewareStack.use(hopguard.plugin)`. */
function pluginOf(client) {
  // `send` hands the command itself to the first handler, presigning only its input.
  const isSent = (args) => args !== null && typeof args === 'object' && 'middlewareStack' in args;
  return {
    applyToStack: (stack) => {
      stack.add(middleware(serviceOf(client), isSent), PLACE);
      stack.add(attempt, ATTEMPT);
    },
  };
}

let countsPresigned = false;

/** Counts what the presigner of `@aws-sdk/s3-request-presigner` signs: a presigned write carries nothing. */
function countPresigned(exported) {
  const prototype = exported?.S3RequestPresigner?.prototype;
  for (const name of ['presign', 'presignWithCredentials']) {
    const original = prototype?.[name];
    if (typeof original !== 'function') continue;
    countsPresigned = true;
    prototype[name] = function presign(request, ...rest) {
      const operation = request?.query?.['x-id'];
      const creates = request?.method === 'POST' && request.query && 'uploads' in request.query;
      if (creates || operation === 'PutObject' || operation === 'CopyObject') unsupported();
      return original.call(this, request, ...rest);
    };
  }
}

module.exports = { countPresigned, pluginOf, stackOf };

// A function that does with each record what its PLAN says (tests/src/plan.rs), and tells the witness what it got.
//
// PLAN     JSON: what to send for each record, and how to fail
// WITNESS  host:port that gets one JSON line per record
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const NAME = process.env.AWS_LAMBDA_FUNCTION_NAME;
const PLAN = JSON.parse(process.env.PLAN ?? "{}");
// The id outside of the execution environment, where no two processes have the same.
const PROCESS = Number(readlinkSync("/proc/self"));

const clients = new Map();
const deliveries = new Map();
let sent = 0;
let witness;

export async function handler(event, context) {
  const failures = [];
  for (const item of items(event, context)) {
    try {
      await run(item, context);
    } catch (error) {
      if (!PLAN.each || item.source !== "sqs") throw error;
      failures.push({ itemIdentifier: item.id });
    }
  }
  return { batchItemFailures: failures };
}

async function run(item, context) {
  const { source, id, text, record } = item;
  const attempt = item.attempt ?? (deliveries.get(text) ?? 0) + 1;
  deliveries.set(text, attempt);
  await report({
    kind: "run", function: NAME, request: context.awsRequestId, process: PROCESS,
    source, id, attempt, text, record, client_context: context.clientContext ?? undefined,
  });
  console.log(`${NAME} ran`);
  await pause(PLAN.wait_ms ?? 0);
  if (attempt <= (PLAN.fail_first ?? 0)) throw new Error(`told to fail delivery ${attempt}`);
  if (stops(item)) return;
  for (const send of PLAN.sends ?? []) {
    for (const [service, command, input] of calls(send, item)) {
      check(await call(service, command, input));
    }
  }
}

async function report(line) {
  if (!process.env.WITNESS) return;
  if (!witness) {
    const [host, port] = process.env.WITNESS.split(":");
    witness = createConnection(Number(port), host);
    // A connection without a listener for errors ends the process with them.
    witness.on("error", () => {});
    witness.unref();
    await once(witness, "connect");
  }
  await new Promise((done) => witness.write(JSON.stringify(line) + "\n", done));
}

async function call(service, command, input) {
  if (!clients.has(service)) {
    const sdk = await import(`@aws-sdk/client-${service}`);
    const [name] = Object.keys(sdk).filter((name) => name.endsWith("Client") && !name.startsWith("__"));
    clients.set(service, { sdk, client: new sdk[name]({ forcePathStyle: service === "s3" ? true : undefined }) });
  }
  const { sdk, client } = clients.get(service);
  return client.send(new sdk[`${command}Command`](input));
}

function check(answer) {
  if (answer.FunctionError) {
    throw new Error(`the invoked function failed: ${Buffer.from(answer.Payload).toString()}`);
  }
  if (answer.Failed?.length || answer.FailedEntryCount) {
    throw new Error(`entries of a batch were refused: ${JSON.stringify(answer)}`);
  }
}

/** The records of an event; an event without records is one itself. */
function* items(event, context) {
  if (!Array.isArray(event?.Records)) {
    const ofBus = event?.["detail-type"] !== undefined;
    const text = JSON.stringify(ofBus ? event.detail : event);
    yield { source: ofBus ? "eventbridge" : "invoke", id: context.awsRequestId, text, attributes: {}, record: event };
    return;
  }
  for (const record of event.Records) {
    if (record.eventSource === "aws:sqs") {
      yield {
        source: "sqs", id: record.messageId, text: record.body, key: key(record.body), record,
        group: record.attributes.MessageGroupId, attempt: Number(record.attributes.ApproximateReceiveCount),
        attributes: texts(record.messageAttributes, "stringValue"),
      };
    } else if (record.Sns) {
      const { MessageId: id, Message: text, MessageAttributes: attributes } = record.Sns;
      yield { source: "sns", id, text, key: key(text), record, attributes: texts(attributes, "Value") };
    } else if (record.eventSource === "aws:kinesis") {
      const text = Buffer.from(record.kinesis.data, "base64").toString();
      yield { source: "kinesis", id: record.eventID, text, record, attributes: {} };
    } else if (record.eventSource === "aws:dynamodb") {
      const text = JSON.stringify(record.dynamodb.NewImage);
      yield { source: "dynamodb", id: record.eventID, text, record, attributes: {} };
    } else {
      const text = JSON.stringify(record);
      yield { source: "s3", id: null, text, key: key(text), record, attributes: {} };
    }
  }
}

function texts(attributes, field) {
  const held = Object.entries(attributes ?? {}).map(([name, value]) => [name, value[field]]);
  return Object.fromEntries(held.filter(([, text]) => typeof text === "string"));
}

/** The key of the object that a text names, in an S3 notification or an SNS message around one. */
function key(text) {
  const value = parsed(text);
  if (typeof value.Message === "string") return key(value.Message);
  return (value.Records?.[0] ?? value)?.s3?.object?.key;
}

function stops(item) {
  return parsed(item.text).stop === true || Boolean(item.key?.includes("stop"));
}

/** The object that a text is, or an empty one. */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

function unique() {
  sent += 1;
  return `${NAME}-${sent}-${PROCESS}`;
}

/** The calls that one send of the plan comes to: service, command, input. */
function* calls(send, item) {
  const [[kind, to]] = Object.entries(send);
  const { text } = item;
  const plain = (copies) => Array(copies).fill({ copied: false, attributes: {} });
  switch (kind) {
    case "queue":
      yield* toQueue(to.url, item, plain(to.copies), to.batch);
      break;
    case "topic":
      yield* toTopic(to.arn, item, plain(to.copies), to.batch);
      break;
    case "dressed":
      yield* (to.target.startsWith("arn:") ? toTopic : toQueue)(to.target, item, to.messages, to.messages.length > 1);
      break;
    case "object":
      yield ["s3", "PutObject", { Bucket: to.bucket, Key: to.prefix + unique(), Body: text }];
      break;
    case "copy":
      yield ["s3", "CopyObject", {
        Bucket: to.bucket, Key: to.prefix + unique(), CopySource: `${to.bucket}/${item.key}`,
      }];
      break;
    case "invoke":
      yield ["lambda", "Invoke", {
        FunctionName: to.function, Payload: text, InvocationType: to.synchronous ? "RequestResponse" : "Event",
      }];
      break;
    case "bus": {
      const Detail = Object.keys(parsed(text)).length ? text : JSON.stringify({ text });
      yield ["eventbridge", "PutEvents", {
        Entries: [{ EventBusName: to.bus, Source: NAME, DetailType: "forwarded", Detail }],
      }];
      break;
    }
    case "stream":
      yield ["kinesis", "PutRecord", { StreamName: to.stream, PartitionKey: "p", Data: Buffer.from(text) }];
      break;
    case "item":
      yield ["dynamodb", "PutItem", { TableName: to.table, Item: { ...parsed(text), id: { S: unique() } } }];
      break;
    default:
      throw new Error(`the plan has an unknown send: ${kind}`);
  }
}

function* toQueue(url, item, messages, batch) {
  const message = (dress) => ({
    MessageBody: item.text,
    ...dressed(item, dress),
    ...(url.endsWith(".fifo") && { MessageGroupId: item.group ?? "g", MessageDeduplicationId: unique() }),
  });
  if (batch) {
    const Entries = messages.map((dress, place) => ({ Id: `m${place}`, ...message(dress) }));
    yield ["sqs", "SendMessageBatch", { QueueUrl: url, Entries }];
  } else {
    for (const dress of messages) yield ["sqs", "SendMessage", { QueueUrl: url, ...message(dress) }];
  }
}

function* toTopic(arn, item, messages, batch) {
  const message = (dress) => ({ Message: item.text, ...dressed(item, dress) });
  if (batch) {
    const PublishBatchRequestEntries = messages.map((dress, place) => ({ Id: `m${place}`, ...message(dress) }));
    yield ["sns", "PublishBatch", { TopicArn: arn, PublishBatchRequestEntries }];
  } else {
    for (const dress of messages) yield ["sns", "Publish", { TopicArn: arn, ...message(dress) }];
  }
}

function dressed(item, dress) {
  const own = Object.entries({ ...(dress.copied ? item.attributes : {}), ...dress.attributes });
  if (own.length === 0) return {};
  const typed = own.map(([name, text]) => [name, { DataType: "String", StringValue: text }]);
  return { MessageAttributes: Object.fromEntries(typed) };
}

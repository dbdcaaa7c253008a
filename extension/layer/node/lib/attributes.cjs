'use strict';
// SQS and SNS: message attributes, and limits that count them.

const { byteLength, bytesLeft, inject } = require('./propagator.cjs');

/** SQS takes 10 attributes; SNS takes more, but throws a message away whose raw delivery to SQS has more than 10. */
const MAX_ATTRIBUTES = 10;
/** What an attribute costs besides its name and value: its data type, `String`. */
const OVERHEAD = 'String'.length;

const textSize = (text) => (typeof text === 'string' ? byteLength(text) : 0);
const binarySize = (value) => (typeof value === 'string' ? byteLength(value) : (value?.byteLength ?? 0));

function attributeSize(attribute) {
  return textSize(attribute.DataType) + textSize(attribute.StringValue) + binarySize(attribute.BinaryValue);
}

/** Binary is read on arrival too, and so an inherited token may stand in it. */
function attributeText(attribute) {
  if (typeof attribute.StringValue === 'string') return attribute.StringValue;
  if (!ArrayBuffer.isView(attribute.BinaryValue)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(attribute.BinaryValue);
  } catch {
    return undefined;
  }
}

/** A copy of what would be sent: the SDK leaves absent values out. */
function copyOf(attributes) {
  return new Map(Object.entries(attributes ?? {}).filter(([, value]) => value !== undefined && value !== null));
}

/** Bytes that a message has before anything is added: body and attributes. */
function messageSize(body, attributes) {
  let size = textSize(body);
  for (const [name, value] of copyOf(attributes)) size += byteLength(name) + attributeSize(value);
  return size;
}

/** Writes one message's lineage; answers the attributes to send, `undefined` where there are none. */
function writeAttributes(attributes, bytes, outbound, count) {
  const map = copyOf(attributes);
  const slots = {
    text: (name) => (map.has(name) ? attributeText(map.get(name)) : undefined),
    contains: (name) => map.has(name),
    put: (name, text) => map.set(name, { DataType: 'String', StringValue: text }),
    remove: (name) => map.delete(name),
  };
  const room = { slots: Math.max(0, MAX_ATTRIBUTES - map.size), bytes, overhead: OVERHEAD };
  count(inject(slots, room, outbound));
  return map.size === 0 ? undefined : Object.fromEntries(map);
}

/** The carrier of a call with one message, whose text is the member `body`. */
function message(body) {
  return {
    // A text message to a phone: nothing behind it could loop, and its attributes are AWS's own.
    carries: (input) => [input.PhoneNumber === undefined],
    write(input, outbound, count) {
      const bytes = bytesLeft(messageSize(input[body], input.MessageAttributes));
      return { ...input, MessageAttributes: writeAttributes(input.MessageAttributes, bytes, outbound(), count) };
    },
  };
}

/** The carrier of a call with a batch of messages, which share one limit of bytes. */
function batch(entries, body) {
  return {
    carries: (input) => (Array.isArray(input[entries]) ? input[entries].map(() => true) : []),
    write(input, outbound, count) {
      const sizeOf = (entry) => messageSize(entry[body], entry.MessageAttributes);
      let total = input[entries].reduce((sum, entry) => sum + sizeOf(entry), 0);
      const written = input[entries].map((entry) => {
        const before = sizeOf(entry);
        const bytes = Math.min(bytesLeft(total), bytesLeft(before));
        const MessageAttributes = writeAttributes(entry.MessageAttributes, bytes, outbound(), count);
        const after = { ...entry, MessageAttributes };
        total += sizeOf(after) - before;
        return after;
      });
      return { ...input, [entries]: written };
    },
  };
}

module.exports = {
  SQS: { SendMessage: message('MessageBody'), SendMessageBatch: batch('Entries', 'MessageBody') },
  SNS: { Publish: message('Message'), PublishBatch: batch('PublishBatchRequestEntries', 'Message') },
};

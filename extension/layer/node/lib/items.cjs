'use strict';
// DynamoDB: an item attribute `hopguard` with the token, which the table's stream brings to its readers. Only for tables that
// the owner has named, since the attribute stays in the item. Beside the token is the call's own span: one that a later update
// leaves in its item is so known for an old one.

const { HOPGUARD, byteLength } = require('./propagator.cjs');

/** An item, in bytes of names and values. */
const MAX_ITEM = 400 * 1024;
/** All items of one transaction, in bytes. */
const MAX_TRANSACTION = 4 * 1024 * 1024;
/** An update expression, in bytes. */
const MAX_EXPRESSION = 4096;
const TYPES = new Set(['S', 'N', 'B', 'SS', 'NS', 'BS', 'M', 'L', 'BOOL', 'NULL']);

const NAME = '#hopguard';
const VALUE = ':hopguard';

/** The names of `HOPGUARD_DYNAMODB_TABLES`, separated by commas. */
const tables = new Set((process.env.HOPGUARD_DYNAMODB_TABLES ?? '').split(',').map((name) => nameOf(name.trim())));
tables.delete('');

/** A table is given by its name or by its ARN. */
function nameOf(table) {
  return table.split(':table/').pop();
}

function isNamed(table) {
  return tables.size > 0 && typeof table === 'string' && tables.has(nameOf(table));
}

/** At least as many bytes as DynamoDB counts for a value, of either of the two forms below. */
function atMost(value) {
  if (typeof value === 'string') return byteLength(value);
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (Array.isArray(value) || value instanceof Set) return [...value].reduce((sum, item) => sum + 1 + atMost(item), 3);
  if (typeof value !== 'object' || value === null) return 21;
  return Object.entries(value).reduce((sum, [name, item]) => sum + byteLength(name) + 1 + atMost(item), 3);
}

/**
 * The client takes `{"id": {"S": "1"}}`, the document client `{"id": "1"}`. A key is never a map, so that a whole item or
 * key tells which one it is.
 */
function isTyped(item) {
  return Object.values(item).every((value) => {
    if (value === undefined) return true;
    const types = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    return types.length === 1 && TYPES.has(types[0]);
  });
}

const textOf = ({ token, parent }) => `${token} ${parent}`;
const valueOf = (text, like) => (isTyped(like) ? { S: text } : text);
const isMap = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Writes into an item; answers the item to send. `left` is what the whole call may still grow. */
function writeItem(item, left, text, count) {
  const { [HOPGUARD]: inherited, ...without } = item;
  const added = HOPGUARD.length + text.length;
  if (added > left || atMost(without) + added > MAX_ITEM) {
    count('no_room');
    return without;
  }
  count(inherited === undefined ? 'written' : 'replaced');
  return { ...without, [HOPGUARD]: valueOf(text, without) };
}

/** Whether the caller's own update already speaks of our attribute: two paths to it in one expression are refused. */
function speaksOfUs(update) {
  const names = Object.values(update.ExpressionAttributeNames ?? {});
  return (
    names.includes(HOPGUARD) ||
    /(?<![\w#:])hopguard(?!\w)/.test(update.UpdateExpression ?? '') ||
    VALUE in (update.ExpressionAttributeValues ?? {}) ||
    NAME in (update.ExpressionAttributeNames ?? {})
  );
}

/** Adds an assignment to an update expression, to its SET clause where it has one. */
function withAssignment(expression) {
  const assignment = `${NAME} = ${VALUE}`;
  const clause = /(?<![\w#:.])SET(?![\w.])/i.exec(expression ?? '');
  if (!clause) return `SET ${assignment} ${expression ?? ''}`.trimEnd();
  const end = clause.index + clause[0].length;
  return `${expression.slice(0, end)} ${assignment},${expression.slice(end)}`;
}

/** Writes into an update; answers the update to send. */
function writeUpdate(update, text, count) {
  const value = valueOf(text, update.Key ?? {});
  // The older parameters cannot be mixed with expressions.
  if (update.AttributeUpdates || update.Expected || update.ConditionalOperator) {
    const inherited = update.AttributeUpdates?.[HOPGUARD] !== undefined;
    count(inherited ? 'replaced' : 'written');
    return {
      ...update,
      AttributeUpdates: { ...update.AttributeUpdates, [HOPGUARD]: { Action: 'PUT', Value: value } },
    };
  }
  if (speaksOfUs(update)) {
    count('unsupported');
    return update;
  }
  const UpdateExpression = withAssignment(update.UpdateExpression);
  if (byteLength(UpdateExpression) > MAX_EXPRESSION) {
    count('no_room');
    return update;
  }
  count('written');
  return {
    ...update,
    UpdateExpression,
    ExpressionAttributeNames: { ...update.ExpressionAttributeNames, [NAME]: HOPGUARD },
    ExpressionAttributeValues: { ...update.ExpressionAttributeValues, [VALUE]: value },
  };
}

const putsOf = (requests) =>
  Array.isArray(requests) ? requests.filter((request) => isMap(request?.PutRequest?.Item)) : [];
const isCarrier = (action) =>
  (isNamed(action?.Put?.TableName) && isMap(action.Put.Item)) || isNamed(action?.Update?.TableName);

module.exports = {
  DynamoDB: {
    PutItem: {
      carries: (input) => (isMap(input.Item) && isNamed(input.TableName) ? [true] : []),
      write: (input, outbound, count) => ({
        ...input,
        Item: writeItem(input.Item, Infinity, textOf(outbound()), count),
      }),
    },
    UpdateItem: {
      carries: (input) => (isNamed(input.TableName) ? [true] : []),
      write: (input, outbound, count) => writeUpdate(input, textOf(outbound()), count),
    },
    BatchWriteItem: {
      carries: (input) =>
        Object.entries(input.RequestItems ?? {})
          .filter(([table]) => isNamed(table))
          .flatMap(([, requests]) => putsOf(requests).map(() => true)),
      write(input, outbound, count) {
        const RequestItems = { ...input.RequestItems };
        for (const table of Object.keys(RequestItems).filter(isNamed)) {
          const puts = new Set(putsOf(RequestItems[table]));
          RequestItems[table] = RequestItems[table].map((request) => {
            if (!puts.has(request)) return request;
            const Item = writeItem(request.PutRequest.Item, Infinity, textOf(outbound()), count);
            return { ...request, PutRequest: { ...request.PutRequest, Item } };
          });
        }
        return { ...input, RequestItems };
      },
    },
    /** A transaction with a token of the caller's choice may be repeated, and is refused where it then differs. */
    TransactWriteItems: {
      carries: (input) =>
        (input.TransactItems ?? []).filter(isCarrier).map(() => input.ClientRequestToken === undefined),
      write(input, outbound, count) {
        let left = MAX_TRANSACTION - atMost(input.TransactItems);
        const TransactItems = input.TransactItems.map((action) => {
          if (!isCarrier(action)) return action;
          const text = textOf(outbound());
          left -= HOPGUARD.length + text.length;
          if (action.Put) return { ...action, Put: { ...action.Put, Item: writeItem(action.Put.Item, left, text, count) } };
          return { ...action, Update: writeUpdate(action.Update, text, count) };
        });
        return { ...input, TransactItems };
      },
    },
  },
};

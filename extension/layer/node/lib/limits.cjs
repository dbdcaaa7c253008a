'use strict';

/** The limit of SQS, EventBridge and asynchronous invocations today, in bytes. */
const MAX_BYTES = 1024 * 1024;
/** The limit until 2025. Queues made before that keep it, and so does SNS: a message that fits is not pushed over it. */
const MAX_BYTES_BEFORE = 256 * 1024;

/** How many bytes may still be added to `size`, the size of a message or of the whole batch that it stands in. */
function bytesLeft(size, before = MAX_BYTES_BEFORE, limit = MAX_BYTES) {
  return Math.max(0, (size <= before ? before : limit) - size);
}

module.exports = { MAX_BYTES, MAX_BYTES_BEFORE, bytesLeft };

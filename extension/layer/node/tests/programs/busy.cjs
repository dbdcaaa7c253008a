// Computes while its message is on its way.
require('./send.cjs');

setImmediate(() => {
  const until = Date.now() + 600;
  while (Date.now() < until);
});

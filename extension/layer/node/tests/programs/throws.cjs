// An error whose stack tells where it came from; bundled with a source map.
function deep() {
  throw new Error('where');
}
if (process.env.THROW) deep();
require('./send.cjs');
setTimeout(deep, 1000);

'use strict';
// `node cost.cjs`: what the injector costs, as medians in milliseconds. Not a test: the numbers belong to the machine.

const { Aws } = require('./support/aws.cjs');
const { INVOCATION, Layer, lineage, token } = require('./support/layer.cjs');
const { INJECTOR, run } = require('./support/program.cjs');

const RUNS = 9;
const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

(async () => {
  const [aws, layer] = await Promise.all([Aws.start(), Layer.start()]);
  const ENDPOINT = aws.endpoint;
  const cases = {
    without: { ENDPOINT },
    'with, invocation not known': { ENDPOINT, ...layer.env, INJECTOR },
    'with, invocation known': { ENDPOINT, ...layer.env, INJECTOR, REQUEST_ID: INVOCATION },
  };
  const rows = {};
  for (const name of Object.keys(cases)) rows[name] = { load: [], sdk: [], first: [], call: [] };
  for (let n = 0; n < RUNS; n += 1) {
    for (const [name, env] of Object.entries(cases)) {
      aws.reset();
      layer.reset();
      layer.answer = (question) => [200, JSON.stringify(lineage(question, { tokens: [token(0)], reusable: true }))];
      const { out } = await run('cost.cjs', { env: { ...env, NODE_OPTIONS: '' } });
      for (const [what, ms] of Object.entries(JSON.parse(out))) rows[name][what].push(ms);
    }
  }
  const rounded = (times) => Object.fromEntries(Object.entries(times).map(([what, ms]) => [what, Number(median(ms).toFixed(3))]));
  console.table(Object.fromEntries(Object.entries(rows).map(([name, times]) => [name, rounded(times)])));
  aws.stop();
  layer.stop();
})();

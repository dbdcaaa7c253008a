'use strict';
// Ways in which a function comes by its SDK: each a process of its own, with the injector in NODE_OPTIONS.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, beforeEach, test } = require('node:test');

const esbuild = require('esbuild');

const { Aws } = require('./support/aws.cjs');
const { Layer, token } = require('./support/layer.cjs');
const { INJECTOR, PROGRAMS, run } = require('./support/program.cjs');

let aws;
let layer;
let folder;
let env;

before(async () => {
  [aws, layer] = await Promise.all([Aws.start(), Layer.start()]);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hopguard-'));
  env = { ...layer.env, ENDPOINT: aws.endpoint };
});

beforeEach(async () => {
  await layer.settled();
  aws.reset();
  layer.reset();
});

after(() => {
  aws.stop();
  layer.stop();
  fs.rmSync(folder, { recursive: true });
});

/** What a program's only message carries. */
function tracestate() {
  assert.equal(aws.requests.length, 1);
  const [{ headers, json, form }] = aws.requests;
  // Until 2023, SQS spoke another protocol.
  if (!headers['x-amz-target']) return form['MessageAttribute.2.Value.StringValue'];
  return json.MessageAttributes?.tracestate.StringValue;
}

async function assertCarries(file, options) {
  const { code, out, err } = await run(file, { env, ...options });
  assert.deepEqual([code, out.split('\n')[0], err], [0, 'sent 1', '']);
  assert.equal(tracestate(), `hopguard=${token(0)},vendor=x`);
  const [{ call }] = await layer.reports(1, (report) => report.call);
  assert.deepEqual([call.service, call.operation, call.target], ['SQS', 'SendMessage', 'orders']);
}

function bundle(name, entry, options) {
  const outfile = path.join(folder, name);
  esbuild.buildSync({
    entryPoints: [path.join(PROGRAMS, entry)],
    bundle: true,
    platform: 'node',
    target: 'node18',
    outfile,
    logLevel: 'error',
    ...options,
  });
  return outfile;
}

const createRequire = "import{createRequire as hostRequire}from'module';const require=hostRequire(import.meta.url);";

test('CommonJS', () => assertCarries('send.cjs'));
test('an ES module', () => assertCarries('send.mjs'));
test('an ES module that is imported dynamically', () => assertCarries('dynamic.cjs'));
test('a worker thread', () => assertCarries('worker.cjs'));
test('an SDK of 2022', () => assertCarries('older.cjs', { env: { ...env, PACKAGE: 'sqs-of-2022' } }));
test('an SDK of 2024', () => assertCarries('older.cjs', { env: { ...env, PACKAGE: 'sqs-of-2024' } }));
test('the injector twice in NODE_OPTIONS', () => assertCarries('send.cjs', { nodeOptions: `--require ${INJECTOR}` }));
test('with source maps on', () => assertCarries('send.cjs', { nodeOptions: '--enable-source-maps' }));
test('with --import beside it', () => {
  const own = path.join(folder, 'own.mjs');
  fs.writeFileSync(own, 'globalThis.own = true;');
  return assertCarries('send.mjs', { nodeOptions: `--import ${own}` });
});

for (const minify of [false, true]) {
  const name = minify ? 'minified' : 'plain';
  test(`an esbuild bundle in CommonJS, ${name}`, () =>
    assertCarries(bundle(`${name}.cjs`, 'send.cjs', { format: 'cjs', minify })));
  test(`an esbuild bundle as an ES module, ${name}`, () =>
    assertCarries(bundle(`${name}.mjs`, 'send.mjs', { format: 'esm', minify, banner: { js: createRequire } })));
}

/** Whether a loader in a thread of its own reads ES modules by ways that cannot be hooked. */
const [major, minor] = process.versions.node.split('.').map(Number);
const unreached = major === 23 || (major === 24 && minor < 12);

test('beside hooks of others, as instrumentations of ES modules bring them', async () => {
  const own = path.join(folder, 'hooks.mjs');
  const hooks = 'data:text/javascript,export async function load(url, context, next) { return next(url, context); }';
  fs.writeFileSync(own, `import { register } from 'node:module'; register?.('${hooks}');`);
  const nodeOptions = `--import ${own}`;
  await assertCarries('send.mjs', { nodeOptions });
  for (const program of unreached ? [] : ['plain.mjs', 'minified.mjs']) {
    await layer.settled();
    aws.reset();
    layer.reset();
    await assertCarries(path.join(folder, program), { nodeOptions });
  }
});

test('CommonJS that an ES module imports keeps all that it is given', async () => {
  const [guarded, plain] = await Promise.all([run('given.mjs', { env }), run('given.mjs')]);
  assert.deepEqual([guarded.code, guarded.err], [0, '']);
  assert.equal(guarded.out, plain.out);
  assert.match(plain.out, /"cache":"object"/);
});

for (const [name, file] of [
  ['from packages', () => 'wrapped.mjs'],
  ['in a bundle', () => bundle('wrapped.mjs', 'wrapped.mjs', { format: 'esm', minify: true, banner: { js: createRequire } })],
]) {
  test(`hopguard.wrapClient ${name}: one lineage, one report, and presigning left alone`, async () => {
    const { code, out, err } = await run(file(), { env });
    assert.deepEqual([code, out, err], [0, 'left alone', '']);
    assert.deepEqual(aws.requests.map((request) => request.headers['x-amz-meta-tracestate']), [`hopguard=${token(0)},vendor=x`]);
    const reports = await layer.settled();
    assert.equal(reports.filter((report) => report.call).length, 1);
    assert.equal(reports.filter((report) => report.outcomes?.unsupported === 1).length, 1);
  });
}

test('stack traces of a bundle, with its source map and without, point where they did', async () => {
  for (const sourcemap of [false, 'inline']) {
    const file = bundle('throws.cjs', 'throws.cjs', { minify: true, sourcemap });
    const nodeOptions = sourcemap ? '--enable-source-maps' : '';
    const [guarded, plain] = await Promise.all([
      run(file, { env, nodeOptions }),
      run(file, { env: { ENDPOINT: aws.endpoint }, nodeOptions }),
    ]);
    const frame = (text) => text.split('\n').find((line) => line.includes('Timeout'));
    assert.match(guarded.out, /sent 1/);
    assert.ok(frame(plain.err));
    assert.equal(frame(guarded.err), frame(plain.err));
  }
});

test('a process without the SDK is as it was', async () => {
  const [guarded, plain] = await Promise.all([run('quiet.cjs', { env }), run('quiet.cjs')]);
  assert.deepEqual([guarded.code, guarded.err], [0, '']);
  assert.deepEqual(JSON.parse(guarded.out), JSON.parse(plain.out));
  assert.equal(JSON.parse(guarded.out).loaded, 0);
});

test('without the layer nothing is hooked', async () => {
  const { code, out } = await run('send.cjs', { env: { ENDPOINT: aws.endpoint } });
  assert.deepEqual([code, out, tracestate(), layer.asked.length], [0, 'sent 1', undefined, 0]);
});

test('a proxy that is not there, and an address that is none: the call goes out', async () => {
  for (const address of ['127.0.0.1:1', 'nonsense', '[::1', ':']) {
    aws.reset();
    const { code, out, err } = await run('send.cjs', { env: { ...env, HOPGUARD_PROXY: address, HOPGUARD_REPORTS: address } });
    assert.deepEqual([code, out, err, tracestate()], [0, 'sent 1', '', undefined], address);
  }
});

test('a function that is busy for longer than an answer may take has its lineage all the same', () =>
  assertCarries('busy.cjs'));

test('nothing keeps the process alive, a hanging proxy neither', async () => {
  layer.answer = () => undefined;
  const start = performance.now();
  const { code, out } = await run('send.cjs', { env });
  assert.deepEqual([code, out], [0, 'sent 1']);
  assert.ok(performance.now() - start < 5000);
});

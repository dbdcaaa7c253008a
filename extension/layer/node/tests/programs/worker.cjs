// A worker thread inherits NODE_OPTIONS.
const { Worker } = require('worker_threads');

new Worker(require.resolve('./send.cjs')).on('exit', (code) => console.log(`worker ${code}`));

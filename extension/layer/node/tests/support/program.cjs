'use strict';
// Programs in a process of their own, with the injector loaded as `wrap` loads it.

const { spawn } = require('child_process');
const path = require('path');

const INJECTOR = path.join(__dirname, '..', '..', 'hopguard.cjs');
const PROGRAMS = path.join(__dirname, '..', 'programs');

/** Runs a program to its end; what it wrote, and its exit code. */
function run(file, { env = {}, args = [], nodeOptions = '' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args, path.resolve(PROGRAMS, file)], {
      env: {
        PATH: process.env.PATH,
        NODE_OPTIONS: `${nodeOptions} --require ${INJECTOR}`.trim(),
        NODE_NO_WARNINGS: '1',
        ...env,
      },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out: out.trim(), err: err.trim() }));
  });
}

module.exports = { INJECTOR, PROGRAMS, run };

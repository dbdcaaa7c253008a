'use strict';
// The layer's injector for Node.js, loaded with `NODE_OPTIONS=--require`.
//
// Every call of an AWS SDK v3 client passes one expression in the SDK's source, whoever loads it, and minifiers keep it, since
// they rename no properties: `command.resolveMiddleware(this.middlewareStack, this.config, …)`. Where a file with it is
// loaded, `this.middlewareStack` becomes `hopguardStack(this)`, in as many characters, so that source maps and stack traces stay
// right. All else here waits until then: a function without the SDK pays for the hooks and no more.

(() => {
  if (!(process.env.HOPGUARD_PROXY || process.env.HOPGUARD_REPORTS) || 'hopguardStack' in globalThis) return;

  const CALL = 'resolveMiddleware(this.middlewareStack';
  const CALLS = /resolveMiddleware\(this\.middlewareStack(?=,\s*this\.config\b)/g;
  const REPLACEMENT = 'resolveMiddleware(hopguardStack(this) ';
  const PRESIGNER = /[\\/]s3-request-presigner[\\/]dist-cjs[\\/]index\.js$/;

  const Module = require('module');
  const injector = () => require('./lib/middleware.cjs');

  /** Called by the rewritten SDK for each `send`. */
  function hopguardStack(client) {
    try {
      return injector().stackOf(client);
    } catch {
      return client.middlewareStack;
    }
  }

  const hopguard = {
    /** Adds lineage and reports to one client, for code that the hooks do not reach; answers the client. */
    wrapClient(client) {
      try {
        client.middlewareStack.use(injector().pluginOf(client));
      } catch {
        // The client works as it did.
      }
      return client;
    },
    /** The same as a plugin: `client.middlewareStack.use(hopguard.plugin)`. */
    plugin: {
      applyToStack(stack) {
        try {
          injector().pluginOf().applyToStack(stack);
        } catch {
          // The stack works as it did.
        }
      },
    },
  };

  /** A file's bytes, with the call rewritten where it stands in them. */
  function rewritten(bytes) {
    if (!Buffer.isBuffer(bytes) || !bytes.includes(CALL)) return bytes;
    return Buffer.from(bytes.toString('utf8').replace(CALLS, REPLACEMENT), 'utf8');
  }

  /** CommonJS, whatever it was bundled with. */
  function hookCommonJs() {
    const compile = Module.prototype._compile;
    Module.prototype._compile = function _compile(content, filename, ...rest) {
      const source = typeof content === 'string' && content.includes(CALL) ? content.replace(CALLS, REPLACEMENT) : content;
      const result = compile.call(this, source, filename, ...rest);
      try {
        if (PRESIGNER.test(filename)) injector().countPresigned(this.exports);
      } catch {
        // Presigned requests go uncounted.
      }
      return result;
    };
  }

  /** ES modules. The SDK's packages are CommonJS in Node.js, so that this is for bundles. */
  function hookEsModules() {
    Module.registerHooks({
      load(url, context, nextLoad) {
        const loaded = nextLoad(url, context);
        const { format, source } = loaded;
        if (!format?.startsWith('module') || !source) return loaded;
        if (typeof source === 'string') {
          return source.includes(CALL) ? { ...loaded, source: source.replace(CALLS, REPLACEMENT) } : loaded;
        }
        const bytes = Buffer.from(source.buffer ?? source, source.byteOffset, source.byteLength);
        const changed = rewritten(bytes);
        return changed === bytes ? loaded : { ...loaded, source: changed };
      },
    });
  }

  function hooksAreSound() {
    const [major, minor] = process.versions.node.split('.').map(Number);
    if (typeof Module.registerHooks !== 'function' || major < 24) return false;
    return major === 24 ? minor >= 12 : major > 25 || minor >= 2;
  }

  /**
   * ES modules, where `registerHooks` is missing, or breaks others: before 24.12, `module.register` fails beside it, and
   * CommonJS that an ES module imports finds no `require.cache`. The loader of these versions reads a module with one of these
   * functions, and gives it a URL and nothing else, which hardly anybody does.
   */
  function hookReadingOfEsModules() {
    const fs = require('fs');
    const { readFileSync } = fs;
    fs.readFileSync = function (path, options) {
      const bytes = readFileSync.apply(this, arguments);
      return arguments.length === 1 && path instanceof URL ? rewritten(bytes) : bytes;
    };
    const { readFile } = fs.promises;
    fs.promises.readFile = async function (path, options) {
      const bytes = await readFile.apply(this, arguments);
      return arguments.length === 1 && path instanceof URL ? rewritten(bytes) : bytes;
    };
    Object.defineProperty(fs.readFileSync, 'name', { value: 'readFileSync' });
    Object.defineProperty(fs.promises.readFile, 'name', { value: 'readFile' });
  }

  try {
    Object.defineProperty(globalThis, 'hopguardStack', { value: hopguardStack });
    if (!('hopguard' in globalThis)) Object.defineProperty(globalThis, 'hopguard', { value: Object.freeze(hopguard) });
    hookCommonJs();
    if (hooksAreSound()) hookEsModules();
    else hookReadingOfEsModules();
  } catch {
    // The function runs without lineage.
  }
})();

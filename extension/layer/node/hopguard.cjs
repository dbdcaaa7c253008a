'use strict';
// The layer's injector for Node.js, loaded with `NODE_OPTIONS=--require`.
//
// Every call of an AWS SDK v3 client passes one expression in the SDK's source, whoever loads it, and minifiers keep it, since
// they rename no properties: `command.resolveMiddleware(this.middlewareStack, this.config, …)`. Where a file with it is
// loaded, `this.middlewareStack` becomes `hopguardStack(this)`, in as many characters, so that source maps and stack traces stay
// right. All else here waits until then: a function without the SDK pays for a wrapper around two functions and no more.

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

  /** ES modules, where Node.js can hook them without a thread of their own: from 22.15 and 23.5 on. */
  function hookEsModules() {
    Module.registerHooks?.({
      load(url, context, nextLoad) {
        const loaded = nextLoad(url, context);
        if (!loaded?.format?.startsWith('module') || !loaded.source) return loaded;
        const { source } = loaded;
        if (typeof source === 'string') {
          return source.includes(CALL) ? { ...loaded, source: source.replace(CALLS, REPLACEMENT) } : loaded;
        }
        const bytes = ArrayBuffer.isView(source)
          ? Buffer.from(source.buffer, source.byteOffset, source.byteLength)
          : Buffer.from(source);
        if (!bytes.includes(CALL)) return loaded;
        return { ...loaded, source: bytes.toString('utf8').replace(CALLS, REPLACEMENT) };
      },
    });
  }

  try {
    Object.defineProperty(globalThis, 'hopguardStack', { value: hopguardStack });
    if (!('hopguard' in globalThis)) Object.defineProperty(globalThis, 'hopguard', { value: Object.freeze(hopguard) });
    hookCommonJs();
    hookEsModules();
  } catch {
    // The function runs without lineage.
  }
})();

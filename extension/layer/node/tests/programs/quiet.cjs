// Says what the injector changes in a process that has no SDK.
const events = ['uncaughtException', 'unhandledRejection', 'exit', 'beforeExit', 'SIGTERM', 'warning'];
console.log(
  JSON.stringify({
    listeners: events.map((event) => process.listenerCount(event)),
    globals: Object.keys(globalThis).filter((name) => name.includes('hopguard')),
    objects: Object.getOwnPropertyNames(Object.prototype).filter((name) => name.includes('hopguard')),
    handles: process.getActiveResourcesInfo().filter((name) => !/TTY|Pipe/.test(name)),
    loaded: Object.keys(require.cache).filter((file) => file.includes('/node/lib/')).length,
  }),
);

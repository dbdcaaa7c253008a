const { readFileSync, promises } = require('fs');

module.exports = {
  cache: typeof require.cache,
  extensions: typeof require.extensions,
  paths: typeof require.resolve.paths,
  main: typeof require.main,
  names: [readFileSync.name, readFileSync.length, promises.readFile.name, promises.readFile.length],
  read: [readFileSync(__filename, 'utf8').length, readFileSync(require('url').pathToFileURL(__filename)).length],
};

// What CommonJS has that an ES module imports.
import given from './given.cjs';

console.log(JSON.stringify(given));

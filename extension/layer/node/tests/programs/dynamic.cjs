// An ES module that is imported only when it is needed.
import('./send.mjs');

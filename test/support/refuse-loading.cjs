// Preloaded by tests (`--require`): whatever matches REFUSE cannot be loaded, be it a module of Node's, a library, or a file of
// the program itself.
const fs = require('node:fs');
const Module = require('node:module');

const refused = new RegExp(process.env.REFUSE);
const check = (name) => {
  if (refused.test(name)) throw new Error(`must not be loaded: ${name}`);
};

const load = Module._load;
Module._load = (request, ...rest) => {
  check(request);
  return load.call(Module, request, ...rest);
};
const { readFileSync } = fs;
fs.readFileSync = (path, ...rest) => {
  check(String(path));
  return readFileSync(path, ...rest);
};

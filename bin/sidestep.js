#!/usr/bin/env node
const { load } = require('./load.js');

load('main.cjs').mainAndExit(process.argv.slice(2));

#!/usr/bin/env node
// kubectl finds plugins by name: `kubectl sidestep …` runs this.
require('./sidestep.js');

import { test } from 'vitest';
import { readKernelCases } from '../../support/kernel-case.ts';
import { agreeOnConnections } from '../../support/kernel-talk.ts';
// Facts that a rule set and real connections show: every packet's path, as the kernel traces it and as Sidestep foretells it.
test.runIf(process.getuid?.() === 0).concurrent.for(readKernelCases('facts'))('$title ($file)', { retry: 1 }, (from, { expect }) => agreeOnConnections(from, expect));

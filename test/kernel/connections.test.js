import { expect, test } from 'vitest';
import { readKernelCases } from '../support/kernel-case.ts';
import { agreeOnConnections } from '../support/kernel-talk.ts';
// Real connections, every packet of which the kernel traces: what `trace --connection` says must be the same, packet by
// packet, pass by pass.
const root = process.getuid?.() === 0;
const own = readKernelCases('connections');
const others = readKernelCases('kernel').filter(({ file, backend }) => file !== 'kube-services.txt' && backend === 'nft' && !/^(nft|mixed)-/.test(file));
test('there are enough cases to mean something', () => {
    expect(own.length).toBeGreaterThanOrEqual(20);
});
test.runIf(root).concurrent.for(own)('$file: $title', { retry: 1 }, (from, { expect }) => agreeOnConnections(from, expect));
test.runIf(root).concurrent.for(others)('open connections of $file: $title', { retry: 1 }, (from, { expect }) => agreeOnConnections(from, expect, { open: true }));

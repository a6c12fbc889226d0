import { defineConfig } from 'vitest/config';

const kernel = ['test/kernel/**/*.test.ts'];

/** Those that ask the tools and the kernel, each file in namespaces of its own, and measure nothing. They wait more than they compute: three at a time disturb none. */
const asking = [
  'acceptance',
  'audit',
  'bypass',
  'bypass-command',
  'bypass-witness',
  'cli',
  'clock',
  'connections',
  'dialects',
  'difference',
  'facts/*',
  'frames',
  'hidden-part',
  'init-prove',
  'ipset',
  'istio-nft',
  'listing',
  'listing-extensions',
  'listing-texts',
  'nft-of-iptables',
  'nft-open',
  'nft-text',
  'pod',
  'proxy-command',
  'reconcile',
  'routes-read',
  'run',
  'script',
  'text',
  'trace',
  'trace-counters',
  'verify',
  'way-back',
].map((name) => `test/kernel/${name}.test.ts`);

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: kernel,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'kernel asking',
          include: asking,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          setupFiles: ['test/support/own-lock.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Real namespaces and real connections: one file after the other, when the processors have nothing else to do.
        test: {
          name: 'kernel',
          include: kernel,
          exclude: asking,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

const kernel = ['test/kernel/**/*.test.ts'];

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
        // Real namespaces and real connections: one file after the other, when the processors have nothing else to do.
        test: {
          name: 'kernel',
          include: kernel,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

const kernel = ['test/kernel/**/*.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: kernel, testTimeout: 20_000 } },
      {
        test: {
          name: 'kernel',
          include: kernel,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});

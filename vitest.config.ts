import { defineConfig } from 'vitest/config'

// `unit` needs nothing but this process; `real` starts Kafka, Redis and the registry, and kills them: one file at a time.
const pureTests = ['tests/architecture.test.ts', 'tests/documents.test.ts']
const real = ['tests/**/*.test.ts', '**/*.real.test.ts']

export default defineConfig({
  test: {
    pool: 'forks',
    // Every core: the files of `unit` share nothing.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{packages,services}/*/test/**/*.test.ts', ...pureTests],
          exclude: ['**/node_modules/**', '**/*.real.test.ts'],
          // They run beside the real ones, which go first.
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'real',
          include: real,
          exclude: ['**/node_modules/**', ...pureTests],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          globalSetup: 'tests/start-stack.ts',
        },
      },
    ],
  },
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['{packages,services}/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
    testTimeout: 20_000,
  },
})

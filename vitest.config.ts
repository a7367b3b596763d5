import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.{ts,tsx}',
      'tools/**/*.test.ts',
      'docs/**/*.test.ts',
      'bench/**/*.test.ts',
      'proof/**/*.test.ts',
      'integrations/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**'],
    pool: 'forks',
    maxWorkers: 2,
    setupFiles: ['tools/vitest/leaks.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})

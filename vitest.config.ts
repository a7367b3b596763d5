import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = dirname(fileURLToPath(import.meta.url))
const nest11 = join(root, 'integrations/nestjs-11')

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    setupFiles: [join(root, 'tools/vitest/leaks.ts')],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
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
        },
      },
      {
        // The tests of `@millrace/nestjs` with the Nest and the TypeORM before; those of faults are about the engine.
        extends: true,
        resolve: {
          alias: [
            {
              find: /^@millrace\/nestjs$/,
              replacement: join(nest11, 'dist/node_modules/@millrace/nestjs/dist/index.js'),
            },
            {
              find: /^@millrace\/nestjs\/job-system$/,
              replacement: join(nest11, 'dist/node_modules/@millrace/nestjs/dist/job-system/index.js'),
            },
            { find: /^(@nestjs\/[^/]+|typeorm)$/, replacement: join(nest11, 'node_modules/$1/index.js') },
          ],
        },
        test: {
          name: 'nest 11',
          include: ['integrations/nestjs/*.test.ts'],
          exclude: ['**/job-system-faults.test.ts'],
          globalSetup: [join(nest11, 'install.ts')],
          env: { MILLRACE_TEST_NEST: '11' },
        },
      },
    ],
  },
})

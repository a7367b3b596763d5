import { afterAll, test, vi } from 'vitest'
import { runConformance } from '../../src/conformance/index.ts'
import { openEmbeddedTarget } from '../support/embedded-target.ts'

vi.setConfig({ testTimeout: 60_000 })

let target: ReturnType<typeof openEmbeddedTarget> | undefined
runConformance({
  name: 'PGlite',
  openStore: () => (target ??= openEmbeddedTarget('Mill Race')),
  test,
  // One session runs one statement at a time.
  lacks: ['concurrent-sessions'],
})
afterAll(async () => (await target)?.close())

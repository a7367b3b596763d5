import { afterAll, test } from 'vitest'
import { runConformance } from '../../src/conformance/index.ts'
import { openEmbeddedTarget } from '../support/embedded-target.ts'

let target: ReturnType<typeof openEmbeddedTarget> | undefined
runConformance({
  name: 'PGlite',
  openStore: () => (target ??= openEmbeddedTarget('Mill Race')),
  test: (name, run) => test(name, run, 60_000),
  // One session runs one statement at a time.
  lacks: ['concurrent-sessions'],
})
afterAll(async () => (await target)?.close())

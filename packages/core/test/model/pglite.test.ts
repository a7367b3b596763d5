import { expect, test } from 'vitest'
import { openEmbeddedTarget } from '../support/embedded-target.ts'
import { runModel } from './suite.ts'

test('PGlite does what the model of a queue does, whatever happens to it', { timeout: 900_000 }, async () => {
  const target = await openEmbeddedTarget('model')
  try {
    await expect(runModel(target)).resolves.toBeUndefined()
  } finally {
    await target.close()
  }
})

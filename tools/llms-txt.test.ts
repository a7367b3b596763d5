import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { file, renderLlmsTxt } from './llms-txt.mjs'

it('llms.txt lists the pages that there are; `node tools/llms-txt.mjs` writes it', () => {
  expect(renderLlmsTxt()).toBe(readFileSync(file, 'utf8'))
})

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { page, renderReference } from './cli-reference.mjs'

it('the reference of commands says what --help says; `node tools/cli-reference.mjs` writes it', () => {
  expect(renderReference()).toBe(readFileSync(page, 'utf8'))
})

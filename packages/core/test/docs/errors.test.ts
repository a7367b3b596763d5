import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/errors.ts'

const page = readFileSync(new URL('../../../../docs/reference/errors.md', import.meta.url), 'utf8')

/** Rows of the table: code, meaning, remedy. */
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$/gm)].map(([, code, meaning, remedy]) => ({
  code,
  meaning,
  remedy,
}))

it('documents every error code with the sentence that the code has, and no other', () => {
  expect(Object.fromEntries(rows.map(({ code, meaning }) => [code, meaning]))).toEqual(ERROR_CODES)
})

it('lists each error code once, in the order of the source, with what to do', () => {
  expect(rows.map(({ code }) => code)).toEqual(Object.keys(ERROR_CODES))
  for (const { remedy } of rows) expect(remedy).toMatch(/\.$/)
})

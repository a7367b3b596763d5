import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const root = new URL('../../../../', import.meta.url)
const page = readFileSync(new URL('docs/internals/weaknesses.md', root), 'utf8')

/** Rows of the tables: a system, a number, and the files with its tests. */
const rows = [...page.matchAll(/^\| (\dc) (\d+) \| .+ \| (`.+`) \|$/gm)].map(([, system = '', number, files = '']) => ({
  system,
  number: Number(number),
  files: [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file),
}))

/** The numbers at the head of each test's name: `1c 5, 9: …` is 5 and 9 of 1c. Tests that are switched off do not count. */
function numbersIn(file: string): Set<string> {
  const names = readFileSync(new URL(file, root), 'utf8').matchAll(/^\s*test\(\s*['"`](\dc) ([\d, ]+): /gm)
  return new Set([...names].flatMap(([, system, numbers = '']) => numbers.split(', ').map((n) => `${system} ${n}`)))
}

describe('the numbered weaknesses', () => {
  test.each([
    ['1c', 14],
    ['2c', 10],
    ['3c', 10],
  ])('of %s are all in the table, in order', (system, count) => {
    const numbers = rows.filter((row) => row.system === system).map(({ number }) => number)
    expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n + 1))
  })

  test.each(rows)('$system $number has a test of that name in each file that the table gives', (row) => {
    expect(row.files.length).toBeGreaterThan(0)
    for (const file of row.files) expect([...numbersIn(file)]).toContain(`${row.system} ${row.number}`)
  })
})

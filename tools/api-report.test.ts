import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { exportsPage, isValue, renderExportsPage } from './api/exports-page.mjs'
import { Modules } from './api/modules.mjs'
import { exportsOf, publicPackages, renderReport, reportFile } from './api/report.mjs'
import { root } from './run.mjs'

const packages = publicPackages()

it.each(packages.map((item) => [item.name, item] as const))(
  'the report of %s says what it exports; `npm run api` writes it',
  (_, item) => {
    expect(renderReport(item)).toBe(readFileSync(reportFile(item), 'utf8'))
  },
)

it('the page of exports says what there is; `npm run api` writes it', () => {
  expect(renderExportsPage(packages)).toBe(readFileSync(exportsPage, 'utf8'))
})

describe('the API reference', () => {
  const modules = new Modules()
  const entries = packages.flatMap(({ entries }) => entries)

  it.each(entries.map((entry) => [entry.specifier, entry] as const))('names every value of %s', (_, entry) => {
    const page = readFileSync(join(root, 'docs/reference/api.md'), 'utf8')
    const named = new Set(page.match(/`[^`\n]+`/g)?.flatMap((span) => span.match(/\w+/g) ?? []))
    const values = exportsOf(entry, modules).filter(isValue)
    expect(values.filter(({ name }) => !named.has(name)).map(({ name }) => name)).toEqual([])
  })

  it.each(entries.map((entry) => [entry.specifier, entry] as const))('every export of %s has a comment', (_, entry) => {
    const bare = exportsOf(entry, modules).filter(
      ({ from, declarations }) => from === '' && !declarations.some(({ comment }) => comment !== ''),
    )
    expect(bare.map(({ name }) => name)).toEqual([])
  })
})

describe('a report', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-api-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  const render = () => {
    const entries = [{ specifier: 'x', file: join(folder, 'index.d.ts') }]
    return renderReport({ name: 'x', folder: 'x', entries })
  }
  write(
    'index.d.ts',
    "export { run, type Options as RunOptions } from './run.js'\nexport * from './all.ts'\nexport { Pool } from 'pg'\n",
  )
  write(
    'all.d.ts',
    '/** Why. */\nexport declare class Open {\n    #private;\n    private secret;\n    close(): void;\n}\n',
  )

  it.each([
    ['a parameter', 'run(options: Options): void', 'run(options?: Options): void'],
    ['a type that nobody can import', 'a: string', 'a: number'],
  ])('changes with %s', (_, before, after) => {
    const text = `interface Hidden { a: string }
/** What \`run\` takes. */
export interface Options { hidden: Hidden }
export declare function run(options: Options): void
`
    write('run.d.ts', text)
    const first = render()
    write('run.d.ts', text.replace(before, after))
    expect(first).toContain(before)
    expect(render()).toContain(after)
  })

  it('does not change with a comment, nor with what is private', () => {
    const first = render()
    expect(first).not.toMatch(/private|Why|secret/)
    expect(first).toContain('class Open {\n  close(): void;\n}')
    expect(first).toContain("Pool // of 'pg'")
    expect(first).toContain('// RunOptions:\ninterface Options')
  })
})

/**
 * Makes one module of the documentation, `dist/generated/files.js`: the pages for the tools that search and show them, `llms.txt`, the
 * rules and the skills. Does nothing where that is what is there.
 *
 *     node packages/mcp/tools/build-files.mjs
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderFiles } from '../../../tools/docs/agent-files.mjs'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..')
const path = join(folder, 'dist/generated/files.js')
const lines = Object.entries(renderFiles()).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}\n`)
const code = lines.join('')
if (!existsSync(path) || readFileSync(path, 'utf8') !== code) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, code)
}
// The compiler leaves declarations that are written by hand where they are; users look for them here.
copyFileSync(join(folder, 'src/generated/files.d.ts'), join(folder, 'dist/generated/files.d.ts'))

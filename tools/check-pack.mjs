/**
 * Checks every public package as npm would deliver it: publint and attw on the tarball, then each export imported,
 * required from CommonJS (which forbids a top-level await) and type-checked by a consumer of either kind.
 *
 *     node tools/check-pack.mjs
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { installed, npm, root, run, runChecks } from './run.mjs'

/** @typedef {{ name: string; folder: string; entries: string[] }} PublicPackage */

// Inside node_modules, so that the packages' own dependencies resolve without a second install.
const work = join(root, 'node_modules/.cache/check-pack')
rmSync(work, { recursive: true, force: true })
mkdirSync(join(work, 'tarballs'), { recursive: true })

const packages = publicPackages()
const tarballs = await pack(packages)
const entries = packages.flatMap((item) => item.entries)
writeConsumers(entries)

const ok = await runChecks([
  ...tarballs.flatMap(({ name, tarball }) => [
    { name: `publint ${name}`, command: installed('publint/src/cli.js', ['run', tarball, '--strict']) },
    {
      name: `types of ${name}`,
      command: installed('@arethetypeswrong/cli/dist/index.js', [tarball, '--profile', 'esm-only']),
    },
  ]),
  { name: `import ${entries.length} entries`, command: [process.execPath, [join(work, 'smoke.mjs')]] },
  { name: `require ${entries.length} entries`, command: [process.execPath, [join(work, 'smoke.cjs')]] },
  { name: 'compile consumers', command: installed('typescript/bin/tsc', ['-p', work]) },
])
if (!ok) process.exitCode = 1

/** @returns {PublicPackage[]} */
function publicPackages() {
  return readdirSync(join(root, 'packages')).flatMap((directory) => {
    const folder = join(root, 'packages', directory)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    if (manifest.private) return []
    const modules = Object.keys(manifest.exports).filter((key) => !key.endsWith('.json') && !key.includes('*'))
    return [{ name: manifest.name, folder, entries: modules.map((key) => manifest.name + key.slice(1)) }]
  })
}

/**
 * Packs, and unpacks where a consumer would find it.
 *
 * @param {readonly PublicPackage[]} items
 * @returns {Promise<{ name: string; tarball: string }[]>}
 */
async function pack(items) {
  const result = []
  for (const { name, folder } of items) {
    const destination = join(work, 'tarballs', name.replace('/', '-'))
    mkdirSync(destination)
    await must(...npm('pack', folder, '--pack-destination', destination))
    const tarball = join(destination, String(readdirSync(destination)[0]))
    const target = join(work, 'node_modules', name)
    mkdirSync(target, { recursive: true })
    await must('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
    result.push({ name, tarball })
  }
  return result
}

/** @param {readonly string[]} names */
function writeConsumers(names) {
  const write = (/** @type {string} */ file, /** @type {string} */ text) => {
    mkdirSync(dirname(join(work, file)), { recursive: true })
    writeFileSync(join(work, file), text)
  }
  const imports = names.map((name, index) => `import * as entry${index} from '${name}'`).join('\n')
  const list = names.map((_, index) => `entry${index}`).join(', ')
  write(
    'smoke.mjs',
    `${imports}\nfor (const entry of [${list}]) if (typeof entry !== 'object') throw new Error('empty')\n`,
  )
  write('smoke.cjs', names.map((name) => `require('${name}')`).join('\n'))
  write('consumer.mts', `${imports}\nexport const all: readonly object[] = [${list}]\n`)
  write('consumer.cts', `${imports}\nexport const all: readonly object[] = [${list}]\n`)
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, types: ['node'] }
  write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.mts', '*.cts'] }))
}

/** @param {string} command @param {readonly string[]} args */
async function must(command, args) {
  const { code, output } = await run(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${output}`)
}

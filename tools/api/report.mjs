/** The public surface of each package, from the declarations it is published with. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../run.mjs'
import { declarationFile, Modules } from './modules.mjs'

/**
 * @typedef {import('./modules.mjs').Declaration} Declaration
 * @typedef {import('./modules.mjs').Target} Target
 * @typedef {object} Export
 * @property {string} name
 * @property {Declaration[]} declarations
 * @property {string} from - Another package, or empty.
 * @property {boolean} isType - Exported as a type, whatever it is.
 *
 * @typedef {{ specifier: string; file: string }} Entry - What is imported, and its `.d.ts` file.
 * @typedef {{ name: string; folder: string; entries: Entry[] }} PublicPackage
 */

/** @returns {PublicPackage[]} */
export function publicPackages() {
  return readdirSync(join(root, 'packages')).flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'))
    if (manifest.private) return []
    const entries = Object.entries(manifest.exports).flatMap(([key, value]) =>
      typeof value === 'object'
        ? [{ specifier: manifest.name + key.slice(1), file: join(root, 'packages', folder, value.types) }]
        : [],
    )
    return [{ name: manifest.name, folder, entries }]
  })
}

/** What an entry exports, by name. @param {Entry} entry @param {Modules} modules @returns {Export[]} */
export function exportsOf(entry, modules) {
  return [...modules.exportsOf(entry.file)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, target]) => {
      const found = modules.resolve(target)
      if (found === null) throw new Error(`${entry.file}: ${name} is exported and nowhere declared`)
      const isType = target.isType === true
      if ('external' in found) return { name, declarations: [], from: found.external, isType }
      return { name, declarations: modules.get(found.file).declared.get(found.name) ?? [], from: '', isType }
    })
}

/**
 * The report of a package: each export with its signature, then what these signatures mention and nobody can import, since
 * a change of that is one of theirs.
 *
 * @param {PublicPackage} item
 * @returns {string}
 */
export function renderReport(item) {
  const modules = new Modules()
  const entries = item.entries.map((entry) => ({ ...entry, exported: exportsOf(entry, modules) }))
  const hidden = hiddenIn(
    entries.flatMap(({ exported }) => exported),
    modules,
  )
  const block = (/** @type {string[]} */ texts) => ['```ts', texts.join('\n\n'), '```', '']
  return [
    `# ${item.name}`,
    '',
    'Written by `npm run api`; what changes here is a change for users.',
    '',
    ...entries.flatMap(({ specifier, exported }) => [`## \`${specifier}\``, '', ...block(exported.map(signaturesOf))]),
    ...(hidden.length > 0 ? ['## Mentioned by these, and not exported', '', ...block(hidden)] : []),
  ].join('\n')
}

/** @param {Export} one */
export function signaturesOf({ name, declarations, from, isType }) {
  if (from !== '') return `${name} // ${isType ? 'a type ' : ''}of '${from}'`
  const texts = declarations.map(({ text }) => text)
  const isRenamed = !texts.some((text) => new RegExp(`\\b${name}\\b`).test(text))
  const isHalf = isType && texts.some((text) => !/^(interface|type) /.test(text))
  const notes = [isRenamed ? name : '', isHalf ? 'only its type' : ''].filter((note) => note !== '')
  return [...(notes.length > 0 ? [`// ${notes.join(', ')}:`] : []), ...texts].join('\n')
}

/** @param {readonly Export[]} exported @param {Modules} modules @returns {string[]} */
function hiddenIn(exported, modules) {
  const seen = new Set(exported.flatMap(({ declarations }) => declarations))
  /** @type {Declaration[]} */
  const hidden = []
  const queue = [...seen]
  for (const { file, uses } of queue)
    for (const used of uses) {
      for (const declaration of declarationsOf(file, used, modules)) {
        if (seen.has(declaration)) continue
        seen.add(declaration)
        hidden.push(declaration)
        queue.push(declaration)
      }
    }
  return [...new Set(hidden.map(({ text }) => text))].sort()
}

/** @param {string} file @param {string} used @param {Modules} modules @returns {Declaration[]} */
function declarationsOf(file, used, modules) {
  const [, source, name] = /^import (\S+) (\S+)$/.exec(used) ?? []
  if (source !== undefined && (!source.startsWith('.') || name === '*')) return []
  const target =
    source === undefined ? { file, name: used } : { file: declarationFile(file, source), name: String(name) }
  const module = modules.get(target.file)
  if (!module.declared.has(target.name) && !module.imported.has(target.name) && source === undefined) return []
  const found = modules.resolve(target)
  return found && 'file' in found ? (modules.get(found.file).declared.get(found.name) ?? []) : []
}

/** Where the report of a package is. @param {PublicPackage} item */
export function reportFile(item) {
  return join(root, 'etc', `${item.folder === 'core' ? 'millrace' : item.folder}.api.md`)
}

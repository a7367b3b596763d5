/** Declaration files, parsed once each: what they declare, import and export. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'

/**
 * @typedef {object} Declaration
 * @property {string} file
 * @property {string} text - Without `export`, `declare`, comments and what is private.
 * @property {string} comment - The documentation comment in front of it, as Markdown; empty if there is none.
 * @property {string[]} uses - Identifiers in it, to be looked up in its file.
 *
 * @typedef {({ file: string } | { external: string }) & { name: string; isType?: boolean }} Target - The name `*` is the
 *   whole module; `isType` of one that is exported as a type, whatever it is.
 *
 * @typedef {object} Module
 * @property {Map<string, Declaration[]>} declared - Several for overloads, and for a type beside a value of its name.
 * @property {Map<string, Target>} imported
 * @property {Map<string, Target>} exported
 * @property {string[]} stars - Files of which everything is exported.
 */

/** Any node of the syntax tree: only a few of their fields are looked at. @typedef {Record<string, any>} Node */

export class Modules {
  /** @type {Map<string, Module>} */
  #modules = new Map()

  /** @param {string} file - A `.d.ts` file. @returns {Module} */
  get(file) {
    const known = this.#modules.get(file)
    if (known) return known
    const module = readModule(file)
    this.#modules.set(file, module)
    return module
  }

  /** What a file exports, by name, and where that comes from. @param {string} file @returns {Map<string, Target>} */
  exportsOf(file) {
    const { exported, stars } = this.get(file)
    const all = new Map(stars.flatMap((star) => [...this.exportsOf(star)]))
    for (const [name, target] of exported) all.set(name, target)
    return all
  }

  /** Where a name is declared. @param {Target} target @returns {Target | null} */
  resolve(target) {
    if ('external' in target || target.name === '*') return target
    const { declared, imported } = this.get(target.file)
    if (declared.has(target.name)) return target
    const next = imported.get(target.name) ?? this.exportsOf(target.file).get(target.name)
    return next ? this.resolve(next) : null
  }
}

/** @param {string} file @returns {Module} */
function readModule(file) {
  const source = readFileSync(file, 'utf8')
  const { program, comments, errors } = parseSync(file, source, { lang: 'dts' })
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
  /** @type {Module} */
  const module = { declared: new Map(), imported: new Map(), exported: new Map(), stars: [] }
  for (const node of /** @type {Node[]} */ (program.body)) {
    if (node['type'] === 'ImportDeclaration') {
      for (const { local, imported } of node['specifiers'])
        module.imported.set(local.name, targetOf(file, node, imported?.name ?? '*'))
    } else if (!readExports(node, file, module)) {
      const declaration = node['declaration'] ?? node
      for (const name of namesOf(declaration)) {
        const found = { file, ...describe(node, source, comments), uses: [...identifiersIn(declaration)] }
        module.declared.set(name, [...(module.declared.get(name) ?? []), found])
        if (node['declaration']) module.exported.set(name, { file, name })
      }
    }
  }
  return module
}

/** @param {Node} node @param {string} file @param {Module} module @returns {boolean} Whether it only names what is elsewhere. */
function readExports(node, file, module) {
  if (node['type'] === 'ExportAllDeclaration') {
    const target = targetOf(file, node, '*')
    if (node['exported']) module.exported.set(node['exported'].name, target)
    else if ('file' in target) module.stars.push(target.file)
    return true
  }
  if (node['type'] !== 'ExportNamedDeclaration' || node['declaration']) return false
  for (const { local, exported, exportKind } of node['specifiers']) {
    const isType = node['exportKind'] === 'type' || exportKind === 'type'
    module.exported.set(exported.name, { ...targetOf(file, node, local.name), isType })
  }
  return true
}

/** @param {string} file @param {Node} node - An import or an export. @param {string} name @returns {Target} */
function targetOf(file, node, name) {
  const from = node['source']?.value
  if (from === undefined) return { file, name }
  return from.startsWith('.') ? { file: declarationFile(file, from), name } : { external: from, name }
}

/** What a relative import in a declaration file means. @param {string} file @param {string} from */
export function declarationFile(file, from) {
  return join(dirname(file), from.replace(/\.(jsx?|tsx?)$/, '.d.ts'))
}

/** @param {Node} declaration @returns {string[]} */
function namesOf(declaration) {
  if (declaration['declarations']) return declaration['declarations'].map((/** @type {Node} */ one) => one['id'].name)
  return declaration['id']?.name ? [declaration['id'].name] : []
}

/** @param {Node} node @param {string} source @param {readonly import('oxc-parser').Comment[]} comments */
function describe(node, source, comments) {
  let text = ''
  let from = node['start']
  for (const { start, end } of comments.filter(
    (comment) => comment.start > node['start'] && comment.end < node['end'],
  )) {
    text += source.slice(from, start)
    from = end
  }
  text += source.slice(from, node['end'])
  const before = comments.findLast((comment) => comment.end <= node['start'])
  const isItsOwn = before && source.slice(before.end, node['start']).trim() === '' && before.value.startsWith('*')
  return {
    text: text
      .replace(/^export /, '')
      .replace(/^declare /, '')
      .replaceAll(/^\s*(#private;|private .*;)\s*$/gm, '')
      .replaceAll(/[ \t]+$/gm, '')
      .replaceAll(/\n{2,}/g, '\n')
      .replaceAll(/^( {4})+/gm, (spaces) => spaces.slice(spaces.length / 2)),
    comment: isItsOwn ? before.value.replaceAll(/^\s*\*? ?/gm, '').trim() : '',
  }
}

/** @param {unknown} node @returns {Iterable<string>} */
function* identifiersIn(node) {
  if (Array.isArray(node)) for (const item of node) yield* identifiersIn(item)
  else if (typeof node === 'object' && node !== null) {
    const { type, name, ...rest } = /** @type {Node} */ (node)
    if (type === 'Identifier') yield name
    if (type === 'TSImportType') yield `import ${rest['source']?.value ?? ''} ${rest['qualifier']?.name ?? '*'}`
    // The name of a field is nobody's name.
    if (!rest['computed'] && 'key' in rest) delete rest['key']
    yield* identifiersIn(Object.values(rest))
  }
}

/** The page that names everything there is to import, with the first sentence of what its declaration says. */
import { join } from 'node:path'
import { root } from '../run.mjs'
import { Modules } from './modules.mjs'
import { exportsOf } from './report.mjs'

/** @typedef {import('./report.mjs').PublicPackage} PublicPackage @typedef {import('./report.mjs').Export} Export */

export const exportsPage = join(root, 'docs/reference/exports.md')

const HEAD = `# Exports

Everything that the packages export, written from their declarations; the editor shows the rest of each comment. What the functions do
and take is told by the [API](api.md). Whatever cannot be imported by these names is internal and may change.
`

/** @param {readonly PublicPackage[]} packages @returns {string} */
export function renderExportsPage(packages) {
  const modules = new Modules()
  const ordered = [...packages].sort((a, b) => Number(b.folder === 'core') - Number(a.folder === 'core'))
  const sections = ordered.flatMap(({ entries }) =>
    entries.flatMap((entry) => {
      const exported = exportsOf(entry, modules)
      return [
        `## ${entry.specifier}`,
        '',
        ...table('value', exported.filter(isValue)),
        ...table(
          'type',
          exported.filter((one) => !isValue(one)),
        ),
      ]
    }),
  )
  return [HEAD, ...sections].join('\n')
}

/** @param {string} kind @param {readonly Export[]} exported */
function table(kind, exported) {
  if (exported.length === 0) return []
  return [`| ${kind} | |`, '| --- | --- |', ...exported.map((one) => `| \`${one.name}\` | ${sentenceOf(one)} |`), '']
}

/** Whether it is there when the program runs. @param {Export} one */
export function isValue({ declarations, from, isType }) {
  if (isType || from !== '') return !isType
  return declarations.some(({ text }) => !/^(interface|type) /.test(text))
}

/** @param {Export} one */
function sentenceOf({ declarations, from }) {
  if (from !== '') return `of \`${from}\``
  const comment = declarations.find((one) => one.comment !== '')?.comment ?? ''
  const paragraph = comment.split(/\n\s*\n|\n@/)[0] ?? ''
  const plain = paragraph
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .replace(/^@.*/, '')
  const sentence = /^(?:`[^`]*`|[^.`]|\.(?! |$))*/.exec(plain)?.[0] ?? ''
  return sentence.replaceAll('|', '\\|')
}

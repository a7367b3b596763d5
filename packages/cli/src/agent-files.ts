import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import type { Skill } from '@millrace/mcp'
import { MillraceError } from 'millrace'

export interface AgentFiles {
  /** What stands between the markers. */
  readonly rules: string
  readonly skills: readonly Skill[]
}

export interface AgentFile {
  readonly path: string
  /** `foreign`: somebody else's, or one of ours that was changed since; it stays as it is. */
  readonly result: 'created' | 'extended' | 'replaced' | 'kept' | 'foreign'
}

const BEGIN = '<!-- millrace:begin (written by `millrace agents install`; what is changed in here is lost) -->'
const END = '<!-- millrace:end -->'
const BLOCK = /<!-- millrace:begin\b[^]*?<!-- millrace:end -->/

/** Written in any case: the one that most programs read. */
const RULE_FILE = 'AGENTS.md'
const SKILL_FOLDER = '.agents/skills'
/** Written where the project has something of theirs. */
const OF_OTHERS: readonly { readonly traces: readonly string[]; readonly rules: string; readonly skills: string }[] = [
  { traces: ['CLAUDE.md', '.claude'], rules: 'CLAUDE.md', skills: '.claude/skills' },
]

/**
 * Writes into `folder` what coding assistants should know of Millrace: rules between markers, in files that may be somebody's, and
 * skills in files of their own. Running it again changes nothing, or brings a newer version.
 *
 * @param dryRun - Writes nothing, and answers what would be done.
 * @throws MillraceError `CONFIG_INVALID` for a file with one marker and not the other
 */
export function installAgentFiles(
  { rules, skills }: AgentFiles,
  { folder, dryRun }: { readonly folder: string; readonly dryRun: boolean },
): readonly AgentFile[] {
  const present = OF_OTHERS.filter(({ traces }) => traces.some((name) => existsSync(join(folder, name))))
  const ruleFiles = [RULE_FILE, ...present.map((one) => one.rules)]
  const skillFolders = [SKILL_FOLDER, ...present.map((one) => one.skills)]
  const changes = [
    ...ruleFiles.map((path) => withBlock(folder, path, rules)),
    ...skillFolders.flatMap((place) => skills.flatMap((skill) => withSkill(folder, place, skill))),
  ]
  for (const { path, text } of changes) {
    if (text === null || dryRun) continue
    const target = join(folder, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text)
  }
  return changes.map(({ path, result }) => ({ path, result }))
}

interface Change extends AgentFile {
  /** What to write; `null`: nothing. */
  readonly text: string | null
}

function withBlock(folder: string, path: string, rules: string): Change {
  const block = `${BEGIN}\n\n${rules.trim()}\n\n${END}`
  const before = readIfThere(join(folder, path))
  if (before === null) return { path, result: 'created', text: `${block}\n` }
  const found = BLOCK.exec(before)
  if (found === null) {
    if (/<!-- millrace:(?:begin|end)\b/.test(before)) throw halfMarked(path)
    const gap = before === '' || before.endsWith('\n\n') ? '' : before.endsWith('\n') ? '\n' : '\n\n'
    return { path, result: 'extended', text: `${before}${gap}${block}\n` }
  }
  const after = `${before.slice(0, found.index)}${block}${before.slice(found.index + found[0].length)}`
  return after === before ? { path, result: 'kept', text: null } : { path, result: 'replaced', text: after }
}

function halfMarked(path: string): MillraceError {
  const message = `${path} has one of the lines "millrace:begin" and "millrace:end" and not the other, so what is Millrace's cannot be told.`
  const details = { field: path, remedy: `take the one that is left out of ${path}, then: millrace agents install` }
  return new MillraceError('CONFIG_INVALID', message, { details })
}

function withSkill(folder: string, place: string, skill: Skill): readonly Change[] {
  return Object.entries(skill.files).map(([name, content]): Change => {
    const path = posix.join(place, skill.name, name)
    const text = signed(content)
    const before = readIfThere(join(folder, path))
    if (before === null) return { path, result: 'created', text }
    if (before === text) return { path, result: 'kept', text: null }
    return isOurs(before) ? { path, result: 'replaced', text } : { path, result: 'foreign', text: null }
  })
}

/** With a line that tells whether somebody has changed the file since; behind what programs read at the beginning. */
function signed(content: string): string {
  const [head = ''] = /^---\n[^]*?\n---\n/.exec(content) ?? []
  return `${head}<!-- millrace:file sha256=${digest(content)} -->\n${content.slice(head.length)}`
}

function isOurs(text: string): boolean {
  const normal = text.replaceAll('\r\n', '\n')
  const [line, sum] = /<!-- millrace:file sha256=([0-9a-f]{64}) -->\n/.exec(normal) ?? []
  return line !== undefined && digest(normal.replace(line, '')) === sum
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function readIfThere(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}

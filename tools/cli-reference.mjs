/**
 * Writes docs/reference/cli.md from the command line itself, so that the page says what `--help` says.
 *
 *     node tools/cli-reference.mjs
 */
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProgram } from '../packages/cli/dist/program.js'
import { resultOf } from '../packages/cli/dist/results.js'

/** @typedef {ReturnType<typeof createProgram>} Command */

export const page = join(dirname(fileURLToPath(import.meta.url)), '../docs/reference/cli.md')

const HEAD = `# Commands

Written from the command line itself; \`millrace <command> --help\` shows the same. How to use it: [command line](../guides/cli.md).
`

/** @returns {string} */
export function renderReference() {
  const program = createProgram()
  const everywhere = program.options.filter(({ long }) => long !== '--version')
  return [
    HEAD,
    '## Options of every command',
    '',
    ...optionRows(everywhere),
    '',
    'Exit codes: 0 done, 1 found something, did not change it, or failed, 2 cannot use the command line, 3 cannot reach the database. With',
    '`--json` an error is `{ error: { code, message, why, next } }` on standard error.',
    '',
    ...program.commands.flatMap((command) => sections(command, 'millrace', '##')),
  ].join('\n')
}

/**
 * @param {Command} command
 * @param {string} path - Of the command that it is in.
 * @param {string} heading
 * @returns {string[]}
 */
function sections(command, path, heading) {
  const own = `${path} ${command.name()}`
  const values = command.registeredArguments.map(
    (argument) => argument.description && `${inCode(argument.name())}: ${argument.description}`,
  )
  const described = values.filter((value) => value)
  return [
    `${heading} ${own}`,
    '',
    '```sh',
    usage(command, own),
    '```',
    '',
    sentence(command.description()) + (described.length > 0 ? ` ${sentence(cell(described.join('; ')))}` : ''),
    '',
    ...(command.options.length > 0 ? [...optionRows(command.options), ''] : []),
    ...answer(own.replace(/^millrace /, '')),
    ...command.commands.flatMap((inner) => sections(inner, own, `${heading}#`)),
  ]
}

/** What it prints and ends with. @param {string} path */
function answer(path) {
  const result = resultOf(path)
  if (result === undefined) return []
  const code = result.finding === undefined ? [] : [`Exit code 1: ${result.finding}.`]
  return [[`With \`--json\`: ${inText(result.json)}.`, ...code].join(' '), '']
}

/** Shapes as code. @param {string} text */
function inText(text) {
  return text.replaceAll(/\{(?:[^{}]|\{[^{}]*\})*\}/g, (shape) => inCode(shape)).replaceAll('|', '\\|')
}

/** @param {Command} command @param {string} path */
function usage(command, path) {
  if (command.commands.length > 0) return `${path} <command>`
  const values = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? '...' : '')
    return argument.required ? `<${name}>` : `[${name}]`
  })
  return [path, ...values, ...(command.options.length > 0 ? ['[options]'] : [])].join(' ')
}

/** @param {readonly Command['options'][number][]} options */
function optionRows(options) {
  return [
    '| option | |',
    '| --- | --- |',
    ...options.map((option) => {
      const { flags, description, mandatory, defaultValue } = option
      const value =
        option.isBoolean() || defaultValue === undefined ? '' : ` (default: ${defaultText(defaultValue, flags)})`
      return `| ${inCode(flags)} | ${cell(description)}${mandatory ? ' (required)' : ''}${value} |`
    }),
  ]
}

/** @param {unknown} value @param {string} flags */
function defaultText(value, flags) {
  if (!flags.includes('<duration>') || typeof value !== 'number') return String(value)
  return value % 60_000 === 0 ? `${value / 60_000}m` : `${value / 1000}s`
}

/** @param {string} text */
function inCode(text) {
  return `\`${text.replaceAll('|', '\\|')}\``
}

/** @param {string} text */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll(/<([a-z]+)>/g, '`<$1>`')
}

/** @param {string} text */
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, renderReference())

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Command } from 'commander'
import { MillraceError } from 'millrace'
import type { Output } from '../output.ts'
import { EXAMPLE, type PackageManager, type Scaffold, scaffold } from '../scaffold.ts'
import { outputOf } from '../session.ts'
import { toJson } from '../text.ts'

interface InitOptions {
  readonly force?: true
  readonly js?: true
  readonly ts?: true
  readonly install: boolean
}

export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('write what a program with jobs begins with: package.json, a module with an example job, .env.example')
    .option('--ts', 'a TypeScript module (default: if there is a tsconfig.json, or no package.json)')
    .option('--js', 'a JavaScript module')
    .option('--force', 'write the module and .env.example anew if they are there')
    .option('--no-install', 'do not install packages; say which are missing')
    .action(async (options: InitOptions, command: Command) => {
      const output = outputOf(command)
      const written = scaffold({ force: options.force === true, language: languageOf(options) })
      const isInstalled = options.install && (await install(written, output))
      const commands = installCommands(written)
      const next = [
        ...(isInstalled ? [] : commands.map((words) => words.join(' '))),
        'npx millrace dev',
        `npx millrace enqueue ${EXAMPLE.type} '${toJson(EXAMPLE.payload)}'`,
      ]
      output.result({ ...written, installed: isInstalled, next }, () => {
        printFiles(output, written)
        output.line('')
        output.line('Next:')
        for (const step of next) output.line(' ', { text: step, colour: 'bold' })
      })
    })
}

function languageOf({ ts, js }: InitOptions): 'ts' | 'js' | undefined {
  if (ts === true && js === true)
    throw new MillraceError('OPTION_INVALID', 'The module is TypeScript or JavaScript, not both.', {
      details: { field: '--ts', remedy: 'leave --ts or --js out' },
    })
  if (ts === true) return 'ts'
  return js === true ? 'js' : undefined
}

export function printFiles(output: Output, { files }: Scaffold): void {
  for (const { path, result } of files) {
    output.line({ text: result.padEnd(8), colour: result === 'kept' ? 'dim' : 'green' }, path)
  }
}

/** Installs what is missing, with what the packages of this program are installed with. */
export async function install(written: Scaffold, output: Output): Promise<boolean> {
  for (const [file, ...args] of installCommands(written)) {
    if (file === undefined) continue
    if (!output.json) output.line({ text: [file, ...args].join(' '), colour: 'dim' })
    // Standard output is for the result.
    const child = spawn(file, args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code === 0) continue
    const message = `\`${[file, ...args].join(' ')}\` ended with ${code ?? 'a signal'}. The files are written.`
    const details = { remedy: 'see what it said above; then run it again, or: millrace init --no-install' }
    throw new MillraceError('CONFIG_INVALID', message, { details })
  }
  return true
}

const ADD: { readonly [M in PackageManager]: readonly string[] } = {
  npm: ['npm', 'install'],
  pnpm: ['pnpm', 'add'],
  yarn: ['yarn', 'add'],
  bun: ['bun', 'add'],
}

function installCommands({ files, missing, packageManager }: Scaffold): readonly (readonly string[])[] {
  const isNew = files.some(({ path, result }) => path === 'package.json' && result === 'created')
  if (isNew) return [[packageManager, 'install']]
  const add = ADD[packageManager]
  return [
    ...(missing.dependencies.length > 0 ? [[...add, ...missing.dependencies]] : []),
    ...(missing.devDependencies.length > 0 ? [[...add, '-D', ...missing.devDependencies]] : []),
  ]
}

import { type Command, Argument } from 'commander'
import { STATUSES } from '../filters.ts'
import { outputOf } from '../session.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script that lets a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'which').choices(SHELLS))
    .addHelpText(
      'after',
      `
bash: echo 'source <(millrace completion bash)' >> ~/.bashrc
zsh:  millrace completion zsh > "\${fpath[1]}/_millrace"
fish: millrace completion fish > ~/.config/fish/completions/millrace.fish`,
    )
    .action((shell: Shell, _options: object, command: Command) => {
      const script = SCRIPTS[shell](wordsOf(program))
      outputOf(command).result({ shell, script }, () => process.stdout.write(script))
    })
}

interface Word {
  readonly name: string
  readonly about: string
}

/** What can follow the words of a command. */
interface Words {
  /** `''` for the program itself, `'dead redrive'` for an inner command. */
  readonly path: string
  readonly commands: readonly Word[]
  readonly options: readonly (Word & { readonly takesValue: boolean })[]
}

/** Static: a shell that had to start a process for each Tab would be slow. */
function wordsOf(program: Command): readonly Words[] {
  const of = (command: Command, path: string): readonly Words[] => {
    const options = [...command.options, ...(command === program ? [] : program.options)].flatMap(
      ({ long, description, required, optional }) =>
        long === undefined || long === null
          ? []
          : [{ name: long, about: description, takesValue: required || optional }],
    )
    const commands = command.commands.map((inner) => ({ name: inner.name(), about: inner.description() }))
    const help = { name: '--help', about: 'show help', takesValue: false }
    return [
      { path, commands, options: [...options, help] },
      ...command.commands.flatMap((inner) => of(inner, `${path} ${inner.name()}`.trim())),
    ]
  }
  return of(program, '')
}

const SCRIPTS: { readonly [S in Shell]: (words: readonly Words[]) => string } = { bash, zsh, fish }

/** Which word of `path` the cursor is behind is found anew each time, since options may stand anywhere. */
function bash(words: readonly Words[]): string {
  const withValue = new Set(words.flatMap(({ options }) => options.filter((o) => o.takesValue).map(({ name }) => name)))
  const cases = words.map(
    ({ path, commands, options }) =>
      `    ${quoted(path)}) words="${[...commands, ...options].map(({ name }) => name).join(' ')}" ;;`,
  )
  const known = words.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join(' | ')
  return `# millrace: completion for bash
_millrace() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='' word words='' i
  case "$prev" in
    --status) COMPREPLY=($(compgen -W "${STATUSES.join(' ')}" -- "$cur")); return ;;
    ${[...withValue].filter((name) => name !== '--status').join(' | ')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${path:+$path }\${COMP_WORDS[i]}"
    case "$word" in ${known}) path="$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [[ \${#COMPREPLY[@]} -gt 0 || "$cur" == -* ]] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -F _millrace millrace
`
}

function zsh(words: readonly Words[]): string {
  const described = ({ name, about }: Word): string => quoted(`${name.replaceAll(':', '\\:')}:${about}`)
  const cases = words.map(
    ({ path, commands, options }) =>
      `    ${quoted(path)}) list=(${[...commands, ...options].map(described).join(' ')}) ;;`,
  )
  const known = words.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join(' | ')
  return `#compdef millrace
# millrace: completion for zsh
_millrace() {
  local word at='' i
  local -a list
  if [[ "$words[CURRENT-1]" == --status ]]; then
    compadd ${STATUSES.join(' ')}
    return
  fi
  for ((i = 2; i < CURRENT; i++)); do
    word="\${at:+$at }$words[i]"
    case "$word" in ${known}) at="$word" ;; esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  _describe 'millrace' list || _files
}
if [[ "$funcstack[1]" == _millrace ]]; then _millrace "$@"; else compdef _millrace millrace; fi
`
}

function fish(words: readonly Words[]): string {
  const seen = ({ path, commands }: Words): string => {
    const conditions = [
      ...path.split(' ').flatMap((word) => (word === '' ? [] : [`__fish_seen_subcommand_from ${word}`])),
      ...(commands.length === 0
        ? []
        : [`not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(' ')}`]),
    ]
    return conditions.length === 0 ? '' : ` -n ${quoted(conditions.join('; and '))}`
  }
  const lines = words.flatMap((place) => [
    ...place.commands.map(({ name, about }) => `complete -c millrace -f${seen(place)} -a ${name} -d ${quoted(about)}`),
    ...place.options.map(({ name, about, takesValue }) => {
      const value = name === '--status' ? ` -x -a ${quoted(STATUSES.join(' '))}` : takesValue ? ' -r' : ''
      return `complete -c millrace${seen(place)} -l ${name.slice(2)}${value} -d ${quoted(about)}`
    }),
  ])
  return `# millrace: completion for fish\n${lines.join('\n')}\n`
}

/** For all three shells: within single quotes only the quote itself means something. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Below the package, so that its imports are found; ignored by git. */
const generated = join(root, 'integrations/migrating/generated')

/** The block of `language` that a guide marks with `<!-- moves jobs: system -->`. */
export function blockOf(system: string, language: 'sql' | 'ts'): string {
  const text = readFileSync(join(root, `docs/guides/migrating-from-${system}.md`), 'utf8').replaceAll('\r\n', '\n')
  for (const part of text.split(`<!-- moves jobs: ${system} -->\n`).slice(1)) {
    const code = new RegExp(`^(?:<!-- setup:[\\s\\S]*?-->\n)?\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(part)
    if (code?.index === 0) return String(code[1])
  }
  throw new Error(`the guide about ${system} marks no ${language} block`)
}

/** The TypeScript of a guide as a function of what its reader has, named `names`. */
export async function scriptOf(
  system: string,
  names: readonly string[],
): Promise<(...values: unknown[]) => Promise<unknown>> {
  const lines = blockOf(system, 'ts').split('\n')
  const imports = lines.filter((line) => line.startsWith('import '))
  const body = lines.filter((line) => !line.startsWith('import ') && !line.startsWith('console.log(await moveJobs'))
  const answer = body.some((line) => line.includes('function moveJobs')) ? 'return moveJobs(mails)' : ''
  const file = join(generated, `${system}.ts`)
  mkdirSync(generated, { recursive: true })
  const parameters = names.map((name) => `${name}: any`).join(', ')
  writeFileSync(
    file,
    `${imports.join('\n')}\nexport async function run(${parameters}) {\n${body.join('\n')}\n${answer}\n}\n`,
  )
  const { run } = await import(/* @vite-ignore */ pathToFileURL(file).href)
  rmSync(generated, { recursive: true, force: true })
  return run
}

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** `millrace` with these arguments on that database, as a process of its own. */
export function millrace(url: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args, '--database', url], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** The same with `--json`: what it printed. */
export async function millraceJson(
  url: string,
  ...args: readonly string[]
): Promise<Readonly<Record<string, unknown>>> {
  const { code, stdout, stderr } = await millrace(url, ...args, '--json')
  if (code !== 0) throw new Error(`millrace ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
  return { ...Object(JSON.parse(stdout)) }
}

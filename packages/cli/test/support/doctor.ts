import { run } from './command.ts'

interface Told {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly next?: string
  readonly fixable: boolean
}

export interface Examined {
  readonly code: number | null
  readonly ok: boolean
  readonly checks: readonly Told[]
  readonly fixed?: readonly { readonly name: string; readonly done: boolean }[]
  /** The names of what is not well. */
  readonly found: readonly string[]
  readonly findings: readonly Told[]
}

/** What `millrace doctor --json` says. */
export async function doctor(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Examined> {
  const { code, stdout, stderr } = await run(['doctor', '--json', ...args], { env })
  if (!stdout.startsWith('{')) throw new Error(`the doctor told nothing: ${stderr}`)
  const report = JSON.parse(stdout) as Pick<Examined, 'ok' | 'checks' | 'fixed'>
  const findings = report.checks.filter(({ ok }) => !ok)
  return { ...report, code, findings, found: findings.map(({ name }) => name) }
}

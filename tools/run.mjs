/** What the checks share: running a program of this checkout and telling how it went. */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/**
 * Runs a program and collects what it writes.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string; env?: Record<string, string>; timeoutMs?: number }} [options]
 * @returns {Promise<{ code: number; output: string }>} Code 1 for a program that a signal or the time limit ended.
 */
export function run(command, args, { cwd = root, env = {}, timeoutMs = 600_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      shell: command.endsWith('.cmd'),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      const note = signal === null ? '' : `\nended by ${signal} (time limit ${timeoutMs} ms)`
      resolve({ code: code ?? 1, output: output + note })
    })
  })
}

/**
 * A JavaScript program inside an installed package, as a command for `run`.
 *
 * @param {string} path - Below node_modules.
 * @param {readonly string[]} args
 * @returns {[string, string[]]}
 */
export function installed(path, args) {
  return [process.execPath, [join(root, 'node_modules', path), ...args]]
}

/**
 * npm itself: the one that runs us if there is one, since the `npm` on PATH can be another version.
 *
 * @param {...string} args
 * @returns {[string, string[]]}
 */
export function npm(...args) {
  const script = process.env['npm_execpath']
  if (script?.endsWith('.js')) return [process.execPath, [script, ...args]]
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', args]
}

/**
 * Runs every check, says how each went and shows the output of those that failed.
 *
 * @param {readonly { name: string; command: readonly [string, readonly string[]] }[]} checks
 * @returns {Promise<boolean>} Whether all passed.
 */
export async function runChecks(checks) {
  let ok = true
  for (const { name, command } of checks) {
    const started = Date.now()
    const { code, output } = await run(command[0], command[1])
    const seconds = ((Date.now() - started) / 1000).toFixed(1)
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
    if (code !== 0) console.log(output.trimEnd().replace(/^/gm, '       '))
    ok &&= code === 0
  }
  return ok
}

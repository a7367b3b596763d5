/**
 * The checks that need no database:  npm run check [-- --full]
 *
 * `--full` adds the tests, the packed packages and the examples in the documentation: what CI does.
 */
import { installed, root, run, runChecks } from './run.mjs'
import { join } from 'node:path'

/** @param {string} name @param {...string} args @returns {[string, string[]]} */
const tool = (name, ...args) => [process.execPath, [join(root, 'tools', name), ...args]]

/** @param {...string} args @returns {[string, string[]]} */
const proof = (...args) => [process.execPath, [join(root, 'proof/dist/main.js'), ...args]]

const quick = [
  { name: 'generated SQL', command: tool('build-sql.mjs', '--check') },
  { name: 'format', command: installed('oxfmt/bin/oxfmt', ['--check']) },
  { name: 'lint', command: installed('oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']) },
  { name: 'types', command: installed('typescript/bin/tsc', ['-b', 'tsconfig.json']) },
  { name: 'layers', command: tool('check-layers.mjs') },
  { name: 'unused code', command: installed('knip/bin/knip.js', ['--no-progress']) },
]
const slow = [
  { name: 'packages', command: tool('check-pack.mjs') },
  { name: 'documentation', command: tool('check-docs.mjs') },
  { name: 'proof, short form', command: proof('--short') },
]
/** Longer than a change should wait for. */
const slowest = [
  { name: 'a stranger installs', command: tool('check-install.mjs') },
  { name: 'proof, five seeds', command: proof('--seeds=1..5', '--minutes=1') },
  { name: 'a client of an earlier version', command: tool('versions/old-client.mjs') },
]

const full = process.argv.includes('--full')
let ok = await runChecks(
  full || process.argv.includes('--no-tests') ? [...quick, ...slow, ...(full ? slowest : [])] : quick,
)
if (full) {
  const [command, args] = tool('test.mjs')
  // More random histories than a change has to pass; see packages/core/test/model and docs/internals/simulation.md.
  process.env['MILLRACE_MODEL_RUNS'] ??= '300'
  process.env['MILLRACE_SIMULATION_SEEDS'] ??= '10000'
  // And more kills in the middle of steps; see packages/core/test/engine/steps.test.ts.
  process.env['MILLRACE_TEST_STEP_KILLS'] ??= '100'
  // And more processes ended in the middle of jobs; see integrations/frameworks/restarts.ts.
  process.env['MILLRACE_TEST_RESTARTS'] ??= '36'
  // And more jobs of workers in several languages; see packages/core/test/engine/mixed-workers.test.ts.
  process.env['MILLRACE_TEST_MIXED_JOBS'] ??= '1000'
  const { code, output } = await run(command, args, { timeoutMs: 3_600_000 })
  console.log(output.trimEnd())
  ok &&= code === 0
}
if (!ok) process.exitCode = 1

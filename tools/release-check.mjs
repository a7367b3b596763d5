/**
 * Whether what is here can be released:  npm run release:check [-- --no-install]
 *
 * Versions and the changelog agree; each tarball passes what tools/check-pack.mjs asks, and has a README and the licence. Then all
 * tarballs are installed in an empty folder, as a user would, and used from there: every entry imported and required, a
 * job run on the embedded database, the command line started. Only that part needs the registry, for other people's packages.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publicPackages } from './api/report.mjs'
import { npm, root, run, runChecks } from './run.mjs'
import { versionProblems } from './release-versions.mjs'

const folder = mkdtempSync(join(tmpdir(), 'millrace-release-'))
try {
  const problems = [...versionProblems(), ...(await tarballProblems())]
  for (const problem of problems) console.error(problem)
  const checks = await runChecks([
    { name: 'packages', command: [process.execPath, [join(root, 'tools/check-pack.mjs')]] },
  ])
  const isUsable = process.argv.includes('--no-install') || (await installAndUse())
  if (problems.length > 0 || !checks || !isUsable) process.exitCode = 1
  console.log(process.exitCode === 1 ? 'release: not yet' : 'release: ready')
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** @returns {Promise<string[]>} */
async function tarballProblems() {
  const problems = []
  mkdirSync(join(folder, 'tarballs'))
  for (const { name, folder: directory } of publicPackages()) {
    const { code, output } = await run(
      ...npm('pack', join(root, 'packages', directory), '--json', '--pack-destination', join(folder, 'tarballs')),
    )
    if (code !== 0) {
      problems.push(`${name}: npm pack failed: ${output}`)
      continue
    }
    const packed = JSON.parse(output.slice(output.indexOf('[')))[0]
    const paths = packed.files.map((/** @type {{ path: string }} */ { path }) => path)
    for (const wanted of ['README.md', 'LICENSE'])
      if (!paths.includes(wanted)) problems.push(`${name}: its tarball has no ${wanted}`)
    const strays = paths.filter((/** @type {string} */ path) => /\.test\.|tsbuildinfo|\.env|node_modules/.test(path))
    if (strays.length > 0) problems.push(`${name}: its tarball has ${strays.join(', ')}`)
  }
  return problems
}

/** What users bring along, also where it is optional: every entry is to be loaded. @returns {string[]} */
function foreignPeers() {
  const peers = publicPackages().flatMap(({ folder: directory }) => {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', directory, 'package.json'), 'utf8'))
    return Object.entries(manifest.peerDependencies ?? {}).map(([name, range]) => `${name}@${range}`)
  })
  return [...new Set(peers)].filter((peer) => !/^(millrace|@millrace\/.*)@/.test(peer))
}

/** @returns {Promise<boolean>} */
async function installAndUse() {
  const app = join(folder, 'app')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true }\n')
  const tarballs = readdirSync(join(folder, 'tarballs')).map((name) => join(folder, 'tarballs', name))
  const all = [...tarballs, ...foreignPeers()]
  const installed = await run(...npm('install', '--ignore-scripts', '--no-audit', '--no-fund', ...all), { cwd: app })
  if (installed.code !== 0) {
    console.error(`release: the tarballs cannot be installed:\n${installed.output}`)
    return false
  }
  const entries = publicPackages().flatMap((item) => item.entries.map(({ specifier }) => specifier))
  const write = (/** @type {string} */ name, /** @type {string} */ text) => writeFileSync(join(app, name), text)
  write('import.mjs', entries.map((entry) => `await import('${entry}')`).join('\n'))
  write('require.cjs', entries.map((entry) => `require('${entry}')`).join('\n'))
  write('job.mjs', readFileSync(join(root, 'tools/release-job.mjs'), 'utf8'))
  const env = { DATABASE_URL: '', REDIS_URL: '' }
  const uses = [
    { name: `import of ${entries.length} entries`, args: ['import.mjs'] },
    { name: `require of ${entries.length} entries`, args: ['require.cjs'] },
    { name: 'a job on the embedded database', args: ['job.mjs'] },
    { name: 'the command line', args: ['node_modules/.bin/millrace', '--version'] },
  ]
  let ok = true
  for (const { name, args } of uses) {
    const { code, output } = await run(process.execPath, args, { cwd: app, env, timeoutMs: 60_000 })
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} installed: ${name}`)
    if (code !== 0) console.log(output.trimEnd().replace(/^/gm, '       '))
    ok &&= code === 0
  }
  return ok
}

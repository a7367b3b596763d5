/**
 * Millrace, hand-written SQL and other queues on PostgreSQL, side by side:
 *
 *     npm run bench -- [scenario…] [--backend redis] [--runs 5] [--quick] [--all] [--only raw,millrace] [--json file]
 *
 * It starts a PostgreSQL 18 of its own with default, durable settings; with `--backend redis` a Redis with an append-only file.
 * `--quick` takes tiny amounts, to see that it
 * works; its figures mean nothing. `--all` also measures what is known to be slow. `--only` keeps the named participants.
 */
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { openServer, packageVersions } from './lib/databases.mjs'
import { describeMachine } from './lib/machine.mjs'
import { renderScenario, summarise, writeJson } from './lib/report.mjs'
import { runRounds } from './lib/rounds.mjs'
import { FULL, QUICK } from './lib/sizes.mjs'
import { openRedisServer } from './lib/redis-server.mjs'
import { GROUPS, SCENARIOS } from './scenarios/index.mjs'
import { REDIS_SCENARIOS } from './scenarios/redis.mjs'

const DEFAULT_RUNS = 5

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    only: { type: 'string' },
    backend: { type: 'string', default: 'postgres' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const onRedis = flags.backend === 'redis'
const available = onRedis ? REDIS_SCENARIOS : SCENARIOS

if (flags.help) {
  console.log(
    'npm run bench -- [scenario…] [--backend redis] [--runs 5] [--quick] [--all] [--only raw,millrace] [--json file]',
  )
  for (const { name, title } of available) console.log(`  ${name.padEnd(20)} ${title}`)
  for (const [name, members] of Object.entries(GROUPS)) console.log(`  ${name.padEnd(20)} ${members.join(', ')}`)
} else {
  await bench(chosenScenarios(positionals))
}

/** @param {string[]} names */
function chosenScenarios(names) {
  const wanted = names.flatMap((name) => GROUPS[name] ?? [name])
  const unknown = wanted.filter((name) => !available.some((scenario) => scenario.name === name))
  if (unknown.length > 0) {
    console.error(`no scenario ${unknown.join(', ')}; there are ${available.map(({ name }) => name).join(', ')}`)
    process.exit(1)
  }
  return wanted.length === 0 ? available : available.filter(({ name }) => wanted.includes(name))
}

/**
 * An interrupt ends the server (`tools/servers` sees to it) and, with us, our children.
 *
 * @param {import('./scenarios/index.mjs').Scenario[]} scenarios
 */
async function bench(scenarios) {
  const path =
    flags.json ?? new URL(`results/${new Date().toISOString().replaceAll(':', '-')}.json`, import.meta.url).pathname
  const server = onRedis ? await openRedisServer() : await openServer()
  try {
    const context = { server, sizes: flags.quick ? QUICK : FULL }
    /** @type {Record<string, unknown>} */
    const results = {}
    const conditions = {
      startedAt: new Date().toISOString(),
      machine: describeMachine(tmpdir()),
      packages: packageVersions(),
      server: flags.backend,
      settings: await server.settings(),
      quick: flags.quick,
      sizes: context.sizes,
    }
    console.log(describe(conditions))
    for (const scenario of scenarios) {
      const samples = await runRounds(scenario, context, choicesOf(scenario))
      console.log(renderScenario(scenario, samples))
      results[scenario.name] = summarise(scenario, samples)
      writeJson(path, { ...conditions, scenarios: results })
    }
    console.log(`written to ${path}`)
  } finally {
    await server.stop()
  }
  process.exit()
}

/** @param {import('./scenarios/index.mjs').Scenario} scenario */
function choicesOf(scenario) {
  const only = flags.only?.split(',')
  return {
    rounds: flags.runs === undefined ? (flags.quick ? 1 : (scenario.rounds ?? DEFAULT_RUNS)) : Number(flags.runs),
    participants: scenario.participants.filter(({ id, slow, adapter }) =>
      only ? only.includes(id) || only.includes(adapter) : flags.all || !slow,
    ),
    say: (/** @type {string} */ text) => process.stderr.write(`${text}\n`),
  }
}

/** @param {{ machine: ReturnType<typeof describeMachine>; settings: Record<string, string>; quick: boolean }} conditions */
function describe({ machine, settings, quick }) {
  const version = settings['server_version']
  const server = onRedis
    ? `Redis ${version}, appendonly ${settings['appendonly']}, appendfsync ${settings['appendfsync']}`
    : `PostgreSQL ${version}, synchronous_commit ${settings['synchronous_commit']}, shared_buffers ${settings['shared_buffers']}`
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, fdatasync ${machine.fdatasyncMs} ms`,
    `Node ${machine.node}, ${server}`,
    ...(quick ? ['--quick: these figures mean nothing'] : []),
  ]
  return `${lines.join('\n')}\n`
}

/** What a worker costs that has nothing to do, whatever it runs beside its claim loop included. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startHost } from '../lib/hosts.mjs'
import { atMost, middle } from '../lib/stats.mjs'

const CONCURRENCY = 10

/** @type {import('./index.mjs').Scenario} */
export const idle = {
  name: 'idle',
  title: 'An idle worker for 60 s',
  conditions: 'statements as the server logs them; raw: LISTEN and a look once a second',
  rounds: 1,
  participants: [
    { id: 'raw', adapter: 'raw' },
    { id: 'millrace', adapter: 'millrace' },
    { id: 'graphile:tuned', adapter: 'graphile:tuned', rival: true },
    { id: 'pgboss', adapter: 'pgboss', rival: true },
    { id: 'bullmq', adapter: 'bullmq', rival: true, slow: true },
  ],
  columns: [
    { key: 'statementsPerSecond', label: 'statements/s', digits: 2 },
    { key: 'transactionsPerSecond', label: 'transactions/s', digits: 2 },
    { key: 'workerPercent', label: 'worker CPU %', digits: 2 },
    { key: 'dbPercent', label: 'db CPU %', digits: 2 },
    { key: 'connections', label: 'connections', digits: 0 },
  ],
  ratio: { key: 'statementsPerSecond', label: 'statements to raw' },
  async open({ adapter }, { server }) {
    const database = `idle_${adapter.replace(/\W/g, '_')}`
    await server.create(database)
    const host = await startHost({ adapter, url: server.urlOf(database) })
    await host.call('prepare')
    await server.admin(`alter database ${database} set log_statement = 'all'`)
    return { host, database }
  },
  async measure({ host, database }, { server, sizes }) {
    await host.call('startWorker', { concurrency: CONCURRENCY })
    await sleep(sizes.idleSettleMs)
    const transactions = await countTransactions(server, database)
    const logged = server.log().length
    const cpu = server.watchCpu()
    await host.call('resetCpu')
    await sleep(sizes.idleMs)
    const { cpuUs } = await host.call('readCpu')
    const figures = { dbPercent: cpu.percent(), foreignCores: cpu.foreignCores() }
    const statements =
      server
        .log()
        .slice(logged)
        .match(/ LOG: {2}(statement|execute)/g)?.length ?? 0
    const seconds = sizes.idleMs / 1000
    const transactionsPerSecond = ((await countTransactions(server, database)) - transactions) / seconds
    const [activity] = await server.admin(`select count(*) from pg_stat_activity where datname = '${database}'`)
    await host.call('stopWorker')
    return {
      statementsPerSecond: statements / seconds,
      transactionsPerSecond,
      workerPercent: cpuUs / 1e4 / seconds,
      connections: Number(activity?.count),
      ...figures,
    }
  },
  async close({ host, database }, { server }) {
    await host.close()
    await server.drop(database)
  },
  bars: (samples) => [
    atMost('statements per second', middle(samples, 'millrace', 'statementsPerSecond'), 1),
    atMost(
      'worker CPU %, limit: raw + 0.5',
      middle(samples, 'millrace', 'workerPercent'),
      middle(samples, 'raw', 'workerPercent') + 0.5,
    ),
  ],
}

/** @param {import('./index.mjs').Context['server']} server @param {string} database @returns {Promise<number>} */
async function countTransactions(server, database) {
  const [row] = await server.admin(
    `select xact_commit + xact_rollback as count from pg_stat_database where datname = '${database}'`,
  )
  return Number(row?.count)
}

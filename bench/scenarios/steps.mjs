/** What a step costs, and whether it costs more the more steps there were before. */
import pg from 'pg'
import { initJobQueue } from 'millrace'
import { nowMs } from '../lib/machine.mjs'
import { atMost, median, middle } from '../lib/stats.mjs'

const STEPS = 200
const QUARTER = STEPS / 4
const RESULT = { charged: 1200, currency: 'EUR', receipt: 'r-000000000000' }

/**
 * @typedef {object} Runner
 * @property {(step: (n: number) => void) => Promise<void>} run - One handler: calls `step` after each.
 * @property {() => Promise<void>} close
 */

/** @type {import('./index.mjs').Scenario} */
export const steps = {
  name: 'steps-200',
  title: `A handler of ${STEPS} steps, one after the other`,
  conditions: 'us per step on the clock; adders and handlers in the process of the benchmark; raw: one insert per step',
  participants: [
    { id: 'raw', adapter: 'raw' },
    { id: 'millrace', adapter: 'millrace' },
  ],
  columns: [
    { key: 'usPerStep', label: 'us/step', digits: 0 },
    { key: 'firstUs', label: `us, the first ${QUARTER}`, digits: 0 },
    { key: 'lastUs', label: `us, the last ${QUARTER}`, digits: 0 },
    { key: 'dbUs', label: 'db CPU us/step', digits: 0 },
  ],
  ratio: { key: 'usPerStep', label: 'time to raw' },
  async open({ adapter }, { server }) {
    const database = `steps_${adapter}`
    await server.create(database)
    const url = server.urlOf(database)
    const runner = await (adapter === 'raw' ? openRaw(url) : openMillrace(url))
    await runner.run(() => undefined)
    return { runner, database }
  },
  async measure({ runner }, { server, sizes }) {
    await server.checkpoint()
    const cpu = server.watchCpu()
    /** @type {number[][]} */
    const took = Array.from({ length: STEPS }, () => [])
    for (let job = 0; job < sizes.stepJobs; job++) {
      let at = nowMs()
      await runner.run((/** @type {number} */ n) => {
        const now = nowMs()
        // The first of all follows the add and the claim.
        if (n > 0) took[n]?.push((now - at) * 1000)
        at = now
      })
    }
    return {
      usPerStep: median(took.flat()),
      firstUs: median(took.slice(0, QUARTER).flat()),
      lastUs: median(took.slice(-QUARTER).flat()),
      dbUs: cpu.usPer(sizes.stepJobs * STEPS),
      foreignCores: cpu.foreignCores(),
    }
  },
  async close({ runner, database }, { server }) {
    await runner.close()
    await server.drop(database)
  },
  bars: (samples) => [
    atMost(
      `a late step, limit: an early one + 20 %`,
      middle(samples, 'millrace', 'lastUs'),
      middle(samples, 'millrace', 'firstUs') * 1.2,
    ),
  ],
}

/** @param {string} url @returns {Promise<Runner>} */
async function openRaw(url) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('create table steps (job int, name text, result jsonb, primary key (job, name))')
  let job = 0
  return {
    async run(step) {
      job += 1
      for (let n = 0; n < STEPS; n++) {
        await client.query({
          name: 'step',
          text: 'insert into steps values ($1, $2, $3)',
          values: [job, `s${n}`, RESULT],
        })
        step(n)
      }
    },
    close: () => client.end(),
  }
}

/** @param {string} url @returns {Promise<Runner>} */
async function openMillrace(url) {
  const queue = initJobQueue({ databaseConfig: { connectionString: url } })
  /** @type {(n: number) => void} */
  let told = () => undefined
  /** @type {() => void} */
  let ended = () => undefined
  const processor = queue.createProcessor({
    steps: async (_payload, _signal, ctx) => {
      for (let n = 0; n < STEPS; n++) {
        await ctx.run(`s${n}`, () => RESULT)
        told(n)
      }
    },
  })
  queue.on('job:completed', () => ended())
  processor.startInBackground()
  return {
    async run(step) {
      told = step
      const over = new Promise((resolve) => (ended = () => resolve(undefined)))
      await queue.addJob({ jobType: 'steps', payload: null })
      await over
    },
    close: () => queue.close(),
  }
}

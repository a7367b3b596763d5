/**
 * Many instances on a Redis Cluster, and one of its masters killed while they all add and work:
 *
 *     npm run cluster -w bench -- [--masters 3] [--instances 16] [--seconds 20]
 *
 * It starts a cluster of its own on the loopback, with a replica for each master and an append-only file that is synced every second.
 * Each instance adds jobs one after the other from four callers, and works them. Half-way the master that most of them are on is killed
 * (with a single master: nobody). In the end it tells what became of every add that was acknowledged.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { initJobQueue } from 'millrace'
import { startRedisCluster } from '../tools/servers/redis-cluster.mjs'

const CALLERS = 4

const { values } = parseArgs({
  options: {
    masters: { type: 'string', default: '3' },
    instances: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '20' },
  },
})
const masters = Number(values.masters)
const halfMs = Number(values.seconds) * 500

const cluster = await startRedisCluster({ masters, replicas: masters }, { appendonly: 'yes', appendfsync: 'everysec' })
try {
  const instances = Array.from({ length: Number(values.instances) }, (_, n) => openInstance(`load${n}:`))
  await Promise.all(instances.map(({ queue }) => queue.ready()))
  let isOver = false
  const adding = instances.flatMap((instance) =>
    Array.from({ length: CALLERS }, async () => {
      while (!isOver) await add(instance)
    }),
  )
  await sleep(halfMs)
  const before = instances.reduce((sum, { runs }) => sum + runs.size, 0)
  console.log(`${masters} masters: ${Math.round((before / halfMs) * 1000)} jobs/s added and worked`)
  const killedAt = masters > 1 ? await killBusiest(instances) : Number.POSITIVE_INFINITY
  await sleep(halfMs)
  isOver = true
  await Promise.all(adding)
  await untilIdle(instances)
  await report(instances, killedAt)
  await Promise.all(instances.map(({ queue }) => queue.close()))
} finally {
  await cluster.stop()
}

/** @typedef {ReturnType<typeof openInstance>} Instance */

/** @param {string} keyPrefix */
function openInstance(keyPrefix) {
  const queue = initJobQueue({ backend: 'redis', redisConfig: { nodes: cluster.nodes.slice(0, 2) }, keyPrefix })
  queue.on('error', () => undefined)
  /** How often each job succeeded. @type {Map<number, number>} */
  const runs = new Map()
  queue
    .createProcessor(
      {
        a: async (_payload, _signal, { jobId }) => void runs.set(jobId, (runs.get(jobId) ?? 0) + 1),
      },
      { concurrency: 10, onError: () => undefined },
    )
    .startInBackground()
  /** When each add was acknowledged. @type {Map<number, number>} */
  const acknowledged = new Map()
  return { keyPrefix, queue, runs, acknowledged, refused: 0, isHit: false }
}

/** @param {Instance} instance */
async function add(instance) {
  try {
    instance.acknowledged.set(await instance.queue.addJob({ jobType: 'a', payload: {} }), performance.now())
  } catch {
    instance.refused++
  }
}

/** @param {Instance[]} all */
async function killBusiest(all) {
  const places = all.map((instance) => cluster.masterOf(cluster.slotOf(`{${instance.keyPrefix}}`)))
  const count = (/** @type {unknown} */ server) => places.filter((place) => place === server).length
  const [busiest] = places.toSorted((a, b) => count(b) - count(a))
  if (busiest === undefined) throw new Error('no instance')
  all.forEach((instance, n) => (instance.isHit = places[n] === busiest))
  const at = performance.now()
  await busiest.kill()
  console.log(`killed the master of ${count(busiest)} of ${all.length} instances`)
  return at
}

/** @param {Instance[]} all */
async function untilIdle(all) {
  for (const { queue } of all) {
    for (const deadline = Date.now() + 60_000; ; await sleep(100)) {
      const { pending, processing, waiting } = (await queue.getStats()).byStatus
      if (pending + processing + waiting === 0) break
      if (Date.now() > deadline) throw new Error(`${pending} pending, ${processing} processing`)
    }
  }
}

/** @param {Instance[]} all @param {number} killedAt */
async function report(all, killedAt) {
  const totals = { acknowledged: 0, refused: 0, missing: 0, undone: 0, twice: 0, impossible: 0 }
  let [oldestMissingMs, longestGapMs] = [0, 0]
  for (const { queue, acknowledged, refused, runs, isHit } of all) {
    totals.acknowledged += acknowledged.size
    totals.refused += refused
    totals.twice += [...runs.values()].filter((times) => times > 1).length
    totals.impossible += (await queue.checkInvariants()).length
    for (const [id, at] of acknowledged) {
      if (runs.has(id)) continue
      const job = await queue.getJob(id)
      if (job === null) {
        totals.missing++
        oldestMissingMs = Math.max(oldestMissingMs, killedAt - at)
      } else if (job.status !== 'completed') totals.undone++
    }
    const times = [...acknowledged.values()].toSorted((a, b) => a - b)
    if (isHit) times.forEach((at, n) => (longestGapMs = Math.max(longestGapMs, at - (times[n - 1] ?? at))))
  }
  console.log(
    `${totals.acknowledged} adds acknowledged, ${totals.refused} refused; of the former ${totals.missing} are gone without having run` +
      `${totals.missing > 0 ? ` (acknowledged at most ${Math.round(oldestMissingMs)} ms before the kill)` : ''}, ${totals.undone} were not done`,
  )
  console.log(`${totals.twice} jobs succeeded more than once; ${totals.impossible} impossible things stored`)
  console.log(`longest pause of an instance that was hit: ${Math.round(longestGapMs)} ms`)
}

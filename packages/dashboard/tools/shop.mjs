/** A shop's evening: what its operator would see, made in a few seconds. */
import { defineJobs, fatal, initJobQueue } from 'millrace'
import pg from 'pg'
import { z } from 'zod'

const HOUR_MS = 3_600_000
/** Types with how many of them end in a minute, and how long one takes, in milliseconds. */
const RATES = /** @type {const} */ ([
  ['mail.send', 140, 90],
  ['order.charge', 36, 420],
  ['image.resize', 24, 1300],
  ['search.index', 60, 35],
  ['report.build', 2, 9000],
])

const jobs = defineJobs({
  'mail.welcome': {
    payload: z.object({
      to: z.email().describe('Where it is sent'),
      tone: z.enum(['warm', 'formal']),
      tries: z.int().min(1).optional(),
      topics: z.array(z.string().min(1)),
    }),
    handler: () => Promise.resolve('sent'),
  },
})

/** @param {string} url */
export async function openShop(url) {
  const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 6 }, jobs, listen: false })
  await queue.ready()
  const client = new pg.Client(url)
  await client.connect()
  await recordDay(client)
  await client.end()
  const all = /** @type {import('millrace').JobQueue} */ (/** @type {unknown} */ (queue))
  const ids = await addJobs(all)
  const workers = startWorkers(all)
  await addSchedules(all)
  await operate(all)
  const trickle = setInterval(() => void sendMails(all), 400)
  const { groups } = await all.getFailureGroups()
  return {
    queue,
    ids,
    fingerprint: groups[0]?.fingerprint ?? '',
    async close() {
      clearInterval(trickle)
      await Promise.all(workers.map((worker) => worker.stopAndDrain(200)))
      await queue.close({ drainMs: 200 })
    },
  }
}

/** A day of numbers, busier in the evening, with a bad quarter of an hour. @param {pg.Client} client */
async function recordDay(client) {
  /** @param {number} at @param {number} count */
  const counts = (at, count) => {
    const place = Math.round(2 * Math.log2(at))
    return Array.from({ length: place + 4 }, (_, n) => {
      const distance = Math.abs(n - place)
      return Math.round(count * (distance === 0 ? 0.5 : distance === 1 ? 0.2 : distance === 2 ? 0.05 : 0))
    })
  }
  for (let ago = 1440; ago >= 1; ago -= 60) {
    const entries = []
    for (let minute = ago; minute > ago - 60 && minute >= 1; minute--) {
      const busy = 0.6 + 0.4 * Math.cos(((minute - 30) / 1440) * 2 * Math.PI) + 0.12 * Math.sin(minute / 3.7)
      const isBad = minute >= 21 && minute <= 34
      for (const [type, rate, ms] of RATES) {
        const run = counts(ms * (isBad ? 2.4 : 1 + 0.15 * Math.sin(minute / 5)), Math.round(rate * busy))
        const total = run.reduce((sum, one) => sum + one, 0)
        const failed = Math.min(total, Math.round(total * (isBad ? 0.14 : 0.004)))
        const wait = counts(isBad ? 900 : 14, Math.round(rate * busy))
        const waits = wait.reduce((sum, one) => sum + one, 0)
        const fit = waits > total ? run : wait
        entries.push([minute * 60_000, type, null, total - failed, failed, 0, total * ms, run, total * 14, fit])
      }
    }
    await client.query('select millrace.record_metrics($1::jsonb)', [JSON.stringify(entries)])
  }
}

/** @type {Readonly<Record<string, import('millrace').JobHandler>>} */
const done = {
  'mail.send': async (payload, _signal, ctx) => {
    ctx.log('Handed to the relay', { to: Reflect.get(Object(payload), 'to') })
    return { delivered: true }
  },
  'hook.post': (payload) => {
    throw new TypeError(`connect ECONNREFUSED 10.0.0.${String(Reflect.get(Object(payload), 'shop'))}:443`)
  },
  'invoice.render': (payload) => {
    const cause = new TypeError("Cannot read properties of undefined (reading 'total')")
    throw fatal(new RangeError(`Invoice ${String(Reflect.get(Object(payload), 'invoice'))} has no lines`, { cause }))
  },
  'order.check': () => Promise.resolve('in stock'),
  'order.charge': () => Promise.resolve('paid'),
  'order.fulfil': async (_payload, signal, ctx) => {
    const slow = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))
    ctx.log('Order 1009, three items')
    await ctx.run('reserve', () => slow(120).then(() => ({ shelf: 12 })))
    await ctx.run('charge', () => slow(340).then(() => ({ receipt: 'r-1009' })))
    await ctx.run('label', () => slow(60).then(() => 'DHL 4711'))
    ctx.log('Handed over', { carrier: 'DHL' })
    return signal.aborted ? null : { shipped: true }
  },
}

/** Something that goes on while one looks. @param {import('millrace').JobQueue} queue */
async function sendMails(queue) {
  const count = 2 + Math.round(3 + 3 * Math.sin(Date.now() / 6000))
  await queue
    .addJobs(
      Array.from({ length: count }, (_, n) => ({ jobType: 'mail.send', payload: { to: `bob${n}@example.com` } })),
    )
    .catch(() => undefined)
}

/** @param {import('millrace').JobQueue} queue */
async function addJobs(queue) {
  /** @param {number} count @param {string} jobType @param {(n: number) => object} more */
  const many = (count, jobType, more) =>
    queue.addJobs(Array.from({ length: count }, (_, n) => ({ jobType, payload: {}, ...more(n) })))
  await many(40, 'mail.send', (n) => ({
    payload: { to: `ada${n}@example.com` },
    tags: ['mail', n % 3 ? 'order' : 'news'],
  }))
  await many(14, 'hook.post', (n) => ({ payload: { shop: n }, maxAttempts: 1, tags: ['hook'] }))
  await many(3, 'hook.post', (n) => ({ payload: { shop: n + 40 }, maxAttempts: 5, tags: ['hook'] }))
  const [dead = 0] = await many(5, 'invoice.render', (n) => ({
    payload: { invoice: 7000 + n, card: '4111' },
    tags: ['invoice'],
  }))
  const steps = await queue.addJob({ jobType: 'order.fulfil', payload: { order: 1009 }, group: { id: 'warehouse' } })
  const flow = await queue.addFlow({
    check: { jobType: 'order.check', payload: { order: 1010 } },
    charge: { jobType: 'order.charge', payload: { order: 1010 }, dependsOn: { nodes: ['check'] } },
    pack: { jobType: 'order.pack', payload: {}, dependsOn: { nodes: ['charge'] } },
    invoice: { jobType: 'order.invoice', payload: {}, dependsOn: { nodes: ['charge'] } },
    ship: { jobType: 'order.ship', payload: {}, dependsOn: { nodes: ['pack', 'invoice'] } },
  })
  const runner = queue.createProcessor(done, { heartbeat: 'main', jobType: Object.keys(done), concurrency: 8 })
  while ((await runner.start()) > 0);
  const later = (/** @type {number} */ n) => new Date(Date.now() + HOUR_MS * (1 + n / 20))
  const items = Array.from({ length: 30 }, (_, n) => ({ jobType: 'image.resize', payload: { n }, runAt: later(n) }))
  const { id: batch } = await queue.addBatch(items, { onComplete: { jobType: 'gallery.publish', payload: {} } })
  await many(4, 'mail.digest', (n) => ({ payload: { n }, queue: 'outbox' }))
  await many(9, 'report.build', (n) => ({ payload: { month: n }, group: { id: 'acme' }, priority: n % 3 }))
  await many(3, 'report.build', (n) => ({ payload: { month: n }, group: { id: 'globex' } }))
  return { dead, steps, charge: flow['charge'] ?? 0, batch }
}

/** Two processes' worth, some of it busy for as long as anybody looks. @param {import('millrace').JobQueue} queue */
function startWorkers(queue) {
  const busy = (/** @type {unknown} */ _payload, /** @type {AbortSignal} */ signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(null)))
  const workers = [
    queue.createProcessor(
      { 'report.build': busy },
      { heartbeat: 'main', jobType: 'report.build', concurrency: 4, groupConcurrency: 2 },
    ),
    queue.createProcessor(
      { 'mail.send': done['mail.send'] ?? busy },
      { heartbeat: 'main', jobType: 'mail.send', concurrency: 10 },
    ),
  ]
  for (const worker of workers) worker.startInBackground()
  return workers
}

/** @param {import('millrace').JobQueue} queue */
async function addSchedules(queue) {
  await queue.addCronJob({
    scheduleName: 'nightly-report',
    cronExpression: '30 2 * * *',
    timezone: 'Europe/Berlin',
    jobType: 'report.build',
    payload: {},
  })
  await queue.addCronJob({
    scheduleName: 'stock-sync',
    cronExpression: '*/15 8-20 * * 1-6',
    jobType: 'stock.sync',
    payload: {},
  })
}

/** @param {import('millrace').JobQueue} queue */
async function operate(queue) {
  const grace = queue.withActor('grace@shop.example')
  await grace.pause({ queue: 'outbox' }, { reason: 'the relay moves house', until: new Date(Date.now() + 2 * HOUR_MS) })
  const [first = 0, second = 0] = await queue.getJobIds({ jobType: 'hook.post', status: 'failed', final: true }, 2)
  await grace.retryJob(first)
  await queue.withActor('ada@shop.example').retryJob(second)
  await grace.cancelJob(first)
  await grace.editJob(second, { priority: 5 })
}

/**
 * The example: orders from payment to parcel, in one process, on the embedded database.
 *
 *     node examples/order-fulfilment/main.mjs [--data DIR]
 *
 * Four customers order. One pays, one pays when reminded, one never does, and one card is declined. Kill it at any moment and
 * start it again: every order goes on where it was, and nobody is reminded or sent a parcel twice.
 */
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { defineSchedules, initJobQueue } from 'millrace'
import { createHandlers } from './jobs.mjs'
import { customersPay, mailsSince, openShop, ORDERS, summary } from './shop.mjs'

const { values } = parseArgs({ options: { data: { type: 'string', default: '.millrace/orders' } } })

/** @typedef {import('./jobs.mjs').Payloads} Payloads */
/** @type {import('millrace').ScheduleDeclarations<Payloads>} */
const declared = { 'stock report': { everyMs: 1000, jobType: 'stockReport', payload: null } }
const schedules = defineSchedules(declared)
/** @type {import('./jobs.mjs').Queue} */
const queue = initJobQueue({ backend: 'pglite', dataDir: join(resolve(values.data), 'database'), schedules })
await openShop(queue)
// Who paid while the shop was closed has paid, before anybody looks at the clock.
await customersPay(queue)

// In a shop: days.
const handlers = createHandlers(queue, { remindAfterSeconds: 2, payWithinSeconds: 5 })
const processor = queue.createProcessor(handlers, { concurrency: 5, pollInterval: 500, leaseMs: 2000 })
processor.startInBackground()
await queue.addJobs(
  // Ordered once, however often the page is sent.
  ORDERS.map((order) => ({ jobType: 'order', payload: order, idempotencyKey: `order ${order.id}` })),
)

for (let told = 0, isOver = false; !isOver; await pause(100)) {
  await customersPay(queue)
  const state = await summary(queue)
  const news = await mailsSince(queue, told)
  told += news.length
  for (const line of news) console.log(line)
  if (state.isOver) console.log(['', ...state.lines].join('\n'))
  isOver = state.isOver
}
await queue.close({ drainMs: 2000 })

/** The jobs of the shop: an order from reservation to parcel, and a report on the stock. */
import { charge, mail, release, reserve, setStatus } from './shop.mjs'

/**
 * @typedef {import('./shop.mjs').Order} Order
 * @typedef {{ order: Order; invoice: Order; pack: Order; ship: Order; stockReport: null }} Payloads
 * @typedef {import('millrace').JobQueue<Payloads>} Queue
 * @typedef {{ remindAfterSeconds: number; payWithinSeconds: number }} Pace
 */

/** @param {Queue} queue @param {Pace} pace @returns {import('millrace').JobHandlers<Payloads>} */
export function createHandlers(queue, pace) {
  return {
    order: fulfil(queue, pace),

    invoice: (order, _signal, ctx) =>
      ctx.transaction(async (tx) => {
        await mail(tx, { order, subject: 'invoice' })
        return { number: `R-${order.id}` }
      }),

    pack: (order) => ({ kilograms: order.amount * 4 }),

    ship: async (order, _signal, ctx) => {
      const told = new Map((await ctx.dependencies()).map(({ name, output }) => [name, output]))
      const { number } = /** @type {{ number: string }} */ (told.get('invoice'))
      const { kilograms } = /** @type {{ kilograms: number }} */ (told.get('pack'))
      await ctx.transaction(async (tx) => {
        await mail(tx, { order, subject: 'on its way' })
        await setStatus(tx, order.id, `shipped: ${kilograms} kg, invoice ${number}`)
      })
    },

    stockReport: (_payload, _signal, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query('insert into reports values ($1)', [ctx.schedule?.tick ?? ctx.createdAt])
      }),
  }
}

/** An order, from reservation to payment. @param {Queue} queue @param {Pace} pace @returns {import('millrace').JobHandler<Order>} */
function fulfil(queue, pace) {
  return async (order, _signal, ctx) => {
    await ctx.runTx('reserve', (tx) => reserve(tx, order))

    // Whoever has the token can end the waits below: the customer's browser does, by way of the shop's server.
    const token = await ctx.createToken()
    await ctx.runTx('ask', (tx) => mail(tx, { order, subject: 'please pay', token: token.id }))
    const payment = ctx.waitForToken(token.id).then(() => 'paid')
    const reminder = ctx.waitFor({ seconds: pace.remindAfterSeconds }, { name: 'reminder' }).then(() => 'remind')
    let answer = await Promise.race([payment, reminder])
    if (answer === 'remind') {
      await ctx.runTx('remind', (tx) => mail(tx, { order, subject: 'reminder' }))
      // From the reminder on: however late it was sent, there is time to heed it.
      const deadline = ctx.waitFor({ seconds: pace.payWithinSeconds }, { name: 'deadline' }).then(() => 'too late')
      answer = await Promise.race([payment, deadline])
    }

    // Compensation: what the first step did is undone in the transaction that completes the job.
    if (answer !== 'paid') return ctx.transaction((tx) => release(tx, order, 'not paid'))
    try {
      await ctx.run('charge', () => charge(`order-${order.id}`, order), { timeoutMs: 5000 })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'CARD_DECLINED')) throw error
      return ctx.transaction((tx) => release(tx, order, 'card declined'))
    }

    // The order is done, and what follows from it begins, in one transaction: neither is there without the other.
    return ctx.transaction(async (tx) => {
      await setStatus(tx, order.id, 'paid')
      return queue.addFlow(
        {
          invoice: { jobType: 'invoice', payload: order },
          pack: { jobType: 'pack', payload: order },
          ship: { jobType: 'ship', payload: order, dependsOn: { nodes: ['invoice', 'pack'] } },
        },
        { db: tx },
      )
    })
  }
}

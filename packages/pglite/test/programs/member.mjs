/**
 * A process that works on an embedded database by order of its parent, for tests of several processes.
 * Orders come as `{ id, do, ... }` and are answered with `{ id, ...}`; notifications are sent as `{ notified }`.
 */
import { openEmbedded } from '@millrace/pglite'

const [dataDir = ''] = process.argv.slice(2)
const warnings = []
const database = await openEmbedded({ dataDir, onError: (error) => warnings.push(error.message) })
process.send?.({ ready: true, role: database.role() })

const actions = {
  role: async () => database.role(),
  warnings: async () => warnings,
  query: async ({ text, values, timeoutMs }) =>
    database.query(text, values, timeoutMs === undefined ? {} : { timeoutMs }),
  listen: async ({ channel }) =>
    database.listen({
      channel,
      onNotify: (payload) => process.send?.({ notified: payload }),
      onReconnect: () => process.send?.({ notified: '(reconnected)' }),
      onError: () => undefined,
      signal: new AbortController().signal,
    }),
  /** Opens a transaction, inserts, says so and never ends it. */
  hang: async ({ text, timeoutMs }) => {
    await new Promise((resolve) => {
      void database
        .transaction(
          async (tx) => {
            await tx.query(text)
            resolve(undefined)
            await new Promise(() => undefined)
          },
          { timeoutMs },
        )
        .catch(() => undefined)
    })
  },
  /** Inserts one row after the other and reports each that was acknowledged. */
  insert: async ({ prefix }) => {
    for (let n = 0; ; n += 1) {
      await database.query('insert into rows (name) values ($1)', [`${prefix}-${n}`])
      process.send?.({ acknowledged: `${prefix}-${n}` })
    }
  },
  /** Always has `atOnce` statements under way, until the process ends. */
  flood: async ({ text, atOnce }) => {
    const repeat = async () => {
      for (;;) await database.query(text)
    }
    for (let n = 0; n < atOnce; n += 1) void repeat().catch(() => undefined)
  },
  /** Asks for `count` transactions at once, and says when each is over. */
  transact: async ({ text, count }) => {
    const one = async () => {
      await database.transaction((tx) => tx.query(text))
      process.send?.({ transacted: true })
    }
    await Promise.all(Array.from({ length: count }, one))
  },
  close: async () => database.close(),
}

async function obey(order) {
  try {
    process.send?.({ id: order.id, result: await actions[order.do](order) })
  } catch (error) {
    process.send?.({ id: order.id, error: { code: error.code, message: error.message } })
  }
}
process.on('message', (order) => void obey(order))
process.on('disconnect', () => process.exit())

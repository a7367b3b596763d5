// What the apps of this folder have in common: a queue and the handler of its one type.
import { setTimeout as sleep } from 'node:timers/promises'
import { initJobQueue } from 'millrace'

/** @typedef {{ mail: { to: string, takesMs?: number } }} Jobs */

/** `DATABASE_URL`, or the embedded database under `./.millrace`. */
export const queue = /** @type {import('millrace').JobQueue<Jobs>} */ (initJobQueue())

/** @satisfies {import('millrace').ProcessorHandlers<Jobs>} */
export const handlers = {
  /** @param {Jobs['mail']} mail @param {AbortSignal} signal */
  mail: async ({ to, takesMs = 0 }, signal) => {
    console.log(`started ${to}`)
    await sleep(takesMs, undefined, { signal })
    console.log(`sent ${to}`)
    return { to }
  },
}

export const options = { handlers, processor: { concurrency: 5 }, drainMs: 10_000 }

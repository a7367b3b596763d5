import { anyPayload, defineJobs } from 'millrace'

/** @typedef {{ to: string }} Recipient */

const recipient = /** @type {typeof anyPayload<Recipient>} */ (anyPayload)()

/** The program under test: what somebody's customer is sent. */
export const jobs = defineJobs({
  mail: { payload: recipient, handler: async ({ to }) => ({ sentTo: to }) },
  reminder: { payload: recipient, handler: async ({ to }) => ({ reminded: to }) },
})

const WEEK_MS = 7 * 24 * 3_600_000

/** @param {import('millrace').JobQueue<import('millrace').PayloadMapOf<typeof jobs>>} queue @param {string} name */
export async function signUp(queue, name) {
  await queue.addJob({ jobType: 'mail', payload: { to: name } })
  await queue.addJob({ jobType: 'reminder', payload: { to: name }, runAt: new Date(Date.now() + WEEK_MS) })
}

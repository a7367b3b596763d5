/**
 * What is measured, by name, in the order in which it runs.
 *
 * @typedef {import('../lib/stats.mjs').Sample} Sample
 * @typedef {import('../lib/stats.mjs').Samples} Samples
 * @typedef {import('../lib/stats.mjs').Bar} Bar
 *
 * @typedef {object} Context
 * @property {import('../lib/databases.mjs').Server} server
 * @property {typeof import('../lib/sizes.mjs').FULL} sizes
 *
 * @typedef {object} Participant
 * @property {string} id - Its name in the tables.
 * @property {string} adapter
 * @property {boolean} [slow] - Only measured with `--all`.
 * @property {boolean} [rival]
 * @property {string} [deep] - A crowd in the database, by the scenarios in `deep.mjs`.
 * @property {boolean} [sameProcess] - The adder shares the worker's process.
 *
 * @typedef {object} Column
 * @property {string} key - Of a sample.
 * @property {string} label
 * @property {number} digits
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {string} conditions
 * @property {Participant[]} participants
 * @property {number} [rounds] - Instead of `--runs`, at that option's default.
<<<<<<< HEAD
 * @property {{ key: string; label: string; to?: string }} ratio - The figure that is put in relation to another participant's; raw's by default.
=======
 * @property {{ key: string; label: string; to?: string }} ratio - The figure that is put in relation to raw, or to another.
>>>>>>> a6c8dfa (Bench: Redis, beside BullMQ on the same server)
 * @property {Column[]} columns
 * @property {(participant: Participant, context: Context) => Promise<any>} open
 * @property {(state: any, context: Context) => Promise<Sample>} measure
 * @property {(state: any, context: Context) => Promise<void>} close
 * @property {(samples: Samples) => Bar[]} bars
 */
import { addOne, add32, bulk } from './add.mjs'
import { backlog, future, group, history, others } from './deep.mjs'
import { drainBatch500, drainC10, drainC100, drainFourProcesses, drainNoHistory } from './drain.mjs'
import { getJob, getJobBusyQueue } from './get-job.mjs'
import { idle } from './idle.mjs'
import { latency, latencySame } from './latency.mjs'
import { steady, steadyPinned } from './steady.mjs'
import { steps } from './steps.mjs'

/** @type {Scenario[]} */
export const SCENARIOS = [
  addOne,
  add32,
  bulk,
  drainC10,
  drainC100,
  drainFourProcesses,
  drainNoHistory,
  drainBatch500,
  latency,
  latencySame,
  steady,
  steadyPinned,
  backlog,
  future,
  group,
  history,
  others,
  steps,
  getJob,
  getJobBusyQueue,
  idle,
]

/** Short names for several. @type {Record<string, string[]>} */
export const GROUPS = {
  add: ['add-one', 'add-32', 'bulk'],
  drain: ['drain-c10', 'drain-c100', 'drain-4p', 'drain-no-history', 'drain-batch-500'],
  cpu: ['drain-c10', 'drain-no-history'],
  'get-job': ['get-job-32', 'get-job-busy-queue'],
  deep: ['backlog-1m-pending', 'future-500k', 'history-1m', 'others-1m'],
}

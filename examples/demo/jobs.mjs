/**
 * The three types of job of one run: `scan` adds a job for every file, `index` measures one, `summary` waits for them all
 * and writes the report. Whatever the run needs to go on is in the database, none of it in this process.
 */
import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { snooze } from 'millrace'
import { findFiles, measureFile } from './files.mjs'
import { collectReport } from './report.mjs'

/**
 * @typedef {object} ScanPayload
 * @property {number} run
 * @property {string} root
 * @property {string} dataDir
 * @property {number} perLanguage - At most so many files of one language are to be read at once.
 * @property {number | null} paceMs - What a file takes at least; `null`: so long that the run can be watched.
 */

/** @typedef {{ root: string; path: string; language: string; paceMs: number }} IndexPayload */

/**
 * @typedef {object} SummaryPayload
 * @property {number} run
 * @property {string} root
 * @property {number} files
 * @property {string} reportFile
 * @property {string} startedAt
 */

/** @typedef {{ scan: ScanPayload; index: IndexPayload; summary: SummaryPayload }} Payloads */
/** @typedef {import('millrace').JobQueue<Payloads>} Queue */

/** A file that fails is tried three times, within three seconds. */
const FILE_OPTIONS = { maxAttempts: 3, retryDelay: 0.5 }
/** These fail only with the process, however often it is killed. */
const RUN_OPTIONS = { maxAttempts: 1000, retryDelay: 1 }

const JOBS_PER_ADD = 1000
/** The language with the most files is meant to take about so long, but no file longer than MAX_PACE_MS. */
const WATCHABLE_MS = 12_000
const MAX_PACE_MS = 80

/** @param {number} run */
export const tagOf = (run) => `run:${run}`

/**
 * What this process is doing, for the terminal.
 *
 * @typedef {object} Activity
 * @property {Map<string, number>} running - Files being read at this moment, by language.
 * @property {Map<number, string>} paths - Of the jobs begun here.
 */

/**
 * @param {Queue} queue
 * @param {Activity} activity - Kept up to date.
 * @returns {import('millrace').JobHandlers<Payloads>}
 */
export function createHandlers(queue, { running, paths }) {
  return {
    scan: (payload, signal) => scan(queue, payload, signal),
    index: async (payload, signal, ctx) => {
      const { language, path } = payload
      paths.set(ctx.jobId, path)
      running.set(language, (running.get(language) ?? 0) + 1)
      try {
        return await index(payload, signal)
      } finally {
        running.set(language, (running.get(language) ?? 1) - 1)
      }
    },
    summary: (payload) => summarise(queue, payload),
  }
}

/** @param {Queue} queue @param {Omit<ScanPayload, 'run'>} payload @param {number} run */
export async function addScan(queue, payload, run) {
  await queue.addJob({
    jobType: 'scan',
    payload: { ...payload, run },
    tags: [tagOf(run)],
    idempotencyKey: `scan ${run}`,
    ...RUN_OPTIONS,
  })
}

/**
 * Adds a job for every file, and last of all the summary. Killed half-way it starts over, and keys keep it from adding
 * any file twice: one job for each run, path and time of last change.
 *
 * @param {Queue} queue @param {ScanPayload} payload @param {AbortSignal} signal
 */
async function scan(queue, payload, signal) {
  const { run, root, dataDir } = payload
  const startedAt = new Date().toISOString()
  /** @type {import('./files.mjs').FoundFile[]} */
  const files = []
  for await (const file of findFiles(root, { except: dataDir, signal })) files.push(file)
  const paceMs = payload.paceMs ?? watchablePace(files, payload.perLanguage)
  for (let at = 0; at < files.length; at += JOBS_PER_ADD) {
    signal.throwIfAborted()
    const jobs = files.slice(at, at + JOBS_PER_ADD).map(({ path, language, mtimeMs }) => ({
      jobType: /** @type {const} */ ('index'),
      payload: { root, path, language, paceMs },
      tags: [tagOf(run)],
      group: { id: language },
      idempotencyKey: digest(`${run} ${path} ${mtimeMs}`),
      ...FILE_OPTIONS,
    }))
    await queue.addJobs(jobs)
  }
  const reportFile = join(dataDir, `run-${run}.json`)
  await queue.addJob({
    jobType: 'summary',
    payload: { run, root, files: files.length, reportFile, startedAt },
    tags: [tagOf(run)],
    priority: -1,
    idempotencyKey: `summary ${run}`,
    ...RUN_OPTIONS,
  })
  return { files: files.length }
}

/** @param {IndexPayload} payload @param {AbortSignal} signal */
async function index({ root, path, paceMs }, signal) {
  const facts = await measureFile(join(root, path), signal)
  if (paceMs > 0) await pause(paceMs, undefined, { signal })
  return facts
}

/**
 * Snoozes until no file is left, which uses up no attempt, then writes the report.
 *
 * @param {Queue} queue @param {SummaryPayload} payload
 */
async function summarise(queue, payload) {
  if (await isAnyFileLeft(queue, payload.run)) throw snooze(250)
  const report = await collectReport(queue, payload, tagOf(payload.run))
  await mkdir(dirname(payload.reportFile), { recursive: true })
  // Written beside and renamed: killed in between, there is no half a report.
  await writeFile(`${payload.reportFile}.new`, `${JSON.stringify(report, null, 2)}\n`)
  await rename(`${payload.reportFile}.new`, payload.reportFile)
  return report.totals
}

/** @param {Queue} queue @param {number} run */
async function isAnyFileLeft(queue, run) {
  const ofRun = { jobType: /** @type {const} */ ('index'), tags: { values: [tagOf(run)] } }
  const [live] = await queue.getJobs({ ...ofRun, status: ['pending', 'processing'] }, 1)
  if (live !== undefined) return true
  const [betweenAttempts] = await queue.getJobs({ ...ofRun, status: 'failed', final: false }, 1)
  return betweenAttempts !== undefined
}

/** @param {readonly import('./files.mjs').FoundFile[]} files @param {number} perLanguage */
function watchablePace(files, perLanguage) {
  /** @type {Record<string, number>} */
  const counts = {}
  for (const { language } of files) counts[language] = (counts[language] ?? 0) + 1
  const most = Math.max(1, ...Object.values(counts))
  return Math.min(MAX_PACE_MS, Math.floor((WATCHABLE_MS * perLanguage) / most))
}

/** Paths can be longer than a key. @param {string} text */
function digest(text) {
  return createHash('sha256').update(text).digest('hex')
}

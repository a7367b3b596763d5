/** One run from outside: finding the one to go on with, watching it, showing its report. */
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { addScan, tagOf } from './jobs.mjs'
import { colour, endProgress, formatBytes, say, showProgress, showTable } from './terminal.mjs'

/** @typedef {import('./jobs.mjs').Queue} Queue */

const REFRESH_MS = 150

/**
 * The run to work on: the latest one unless it has ended, else a new one.
 *
 * @param {Queue} queue
 * @param {{ root: string; dataDir: string; perLanguage: number; paceMs: number | null }} options
 * @returns {Promise<number>}
 */
export async function beginRun(queue, { root, dataDir, perLanguage, paceMs }) {
  const [scan] = await queue.getJobs({ jobType: 'scan' }, 1)
  const last = scan === undefined ? 0 : /** @type {import('./jobs.mjs').ScanPayload} */ (scan.payload).run
  if (scan !== undefined && !isOver(scan, 'failed')) {
    const summary = await findSummary(queue, last)
    if (summary === undefined || !isOver(summary, 'completed')) {
      await sayWhatWasLeft(queue, last, summary?.payload.files)
      return last
    }
  }
  const run = last + 1
  await addScan(queue, { root, dataDir, perLanguage, paceMs }, run)
  say(`Run ${run}: indexing ${root}, at most ${perLanguage} files of one language at once`)
  return run
}

/**
 * Shows progress until the run has ended, then its report.
 *
 * @param {Queue} queue
 * @param {{ run: number; activity: import('./jobs.mjs').Activity; signal: AbortSignal }} options
 * @returns {Promise<boolean>} False if `signal` ended it.
 */
export async function watchRun(queue, { run, activity, signal }) {
  const failures = watchFailures(queue, activity.paths)
  const startedAt = performance.now()
  let doneAtStart = -1
  while (!signal.aborted) {
    const [stats, summary] = await Promise.all([queue.getStats(), findSummary(queue, run)])
    if (summary !== undefined) {
      const { files } = summary.payload
      const done = Math.max(0, files - filesLeft(stats))
      if (doneAtStart < 0) doneAtStart = done
      const perSecond = ((done - doneAtStart) / (performance.now() - startedAt)) * 1000
      const notes = [`${perSecond.toFixed(0)}/s`, ...failures.notes(), ...languagesOf(activity.running)]
      showProgress({ done, total: files, notes })
      if (summary.completedAt !== null) {
        endProgress()
        await showReport(summary.payload.reportFile)
        return true
      }
      if (isOver(summary, 'failed')) throw new Error(`The summary failed: ${summary.errorHistory.at(-1)?.message}`)
    }
    await pause(REFRESH_MS, undefined, { signal }).catch(() => undefined)
  }
  return false
}

/** Live jobs but the summary. @param {import('millrace').QueueStats} stats */
function filesLeft({ ready, timed, groupWaiting, byStatus }) {
  return Math.max(0, ready + timed + groupWaiting + byStatus.processing - 1)
}

/** @param {ReadonlyMap<string, number>} running */
function languagesOf(running) {
  return [...running].filter(([, count]) => count > 0).map(([language, count]) => `${language} ${count}`)
}

/** Prints each failure as it happens. @param {Queue} queue @param {ReadonlyMap<number, string>} paths */
function watchFailures(queue, paths) {
  let retries = 0
  let dead = 0
  queue.on('job:failed', ({ jobId, error, willRetry }) => {
    if (willRetry) retries++
    else dead++
    const next = willRetry ? colour('yellow', 'will be tried again') : colour('red', 'given up')
    say(`  ${paths.get(jobId) ?? `job ${jobId}`}: ${brief(error.message)}: ${next}`)
  })
  return { notes: () => (retries + dead === 0 ? [] : [`retries ${retries}, dead letters ${dead}`]) }
}

/**
 * @param {Queue} queue @param {number} run
 * @returns {Promise<import('millrace').JobRecord<import('./jobs.mjs').Payloads, 'summary'> | undefined>}
 */
async function findSummary(queue, run) {
  /** @type {import('millrace').JobRecord<import('./jobs.mjs').Payloads, 'summary'>[]} */
  const [summary] = await queue.getJobs({ jobType: 'summary', tags: { values: [tagOf(run)] } }, 1)
  return summary
}

/** @param {{ status: string; nextAttemptAt: Date | null }} job @param {'completed' | 'failed'} end */
function isOver({ status, nextAttemptAt }, end) {
  return (
    status === 'cancelled' || (status === 'failed' && nextAttemptAt === null) || (end === 'completed' && status === end)
  )
}

/** @param {Queue} queue @param {number} run @param {number | undefined} files */
async function sayWhatWasLeft(queue, run, files) {
  const [stats, workers] = await Promise.all([queue.getStats(), queue.getWorkers()])
  const done = files === undefined ? 'still listing files' : `${files - filesLeft(stats)} of ${files} files are done`
  say(`Run ${run} goes on: ${done}`)
  for (const { host, pid, running } of workers) {
    if (host !== hostname() || isAlive(pid)) say(`Process ${pid} works on it, too.`)
    else if (running > 0)
      say(`Process ${pid} died with ${running} jobs running; they are taken back when its lease ends, within seconds.`)
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The message without the path, which stands beside it. @param {string} message */
function brief(message) {
  return message.replace(/, \w+ '.*'$/, '').slice(0, 80)
}

/** @param {string} reportFile */
async function showReport(reportFile) {
  /** @type {import('./report.mjs').Report} */
  const report = JSON.parse(await readFile(reportFile, 'utf8'))
  const { totals, languages, deadLetters } = report
  if (languages.length > 0) showLanguages(languages)
  if (deadLetters.length > 0) {
    say()
    const shown = deadLetters.slice(0, 20)
    showTable(
      ['dead letter', 'attempts', 'reason', 'last error'],
      shown.map(({ path, attempts, reason, error }) => [path, attempts, reason, brief(error)]),
    )
    if (shown.length < deadLetters.length) say(`and ${deadLetters.length - shown.length} more`)
  }
  say()
  say(
    `Run ${report.run}: ${totals.files} files indexed, ${totals.deadLetters} dead letters, ${totals.attempts} attempts, ` +
      `${totals.lines.toLocaleString('en')} lines, ${formatBytes(totals.bytes)}.`,
  )
  const fromHere = relative(process.cwd(), reportFile)
  say(`Report: ${fromHere.startsWith('..') ? reportFile : fromHere}`)
}

/** @param {readonly import('./report.mjs').LanguageFacts[]} languages */
function showLanguages(languages) {
  say()
  showTable(
    ['language', 'files', 'lines', 'size', 'longest line', 'where'],
    languages.map((facts) => [
      facts.language,
      facts.files,
      facts.lines,
      formatBytes(facts.bytes),
      facts.longestLine,
      facts.longestLineAt,
    ]),
  )
}

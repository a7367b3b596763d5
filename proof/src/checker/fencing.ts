import { TELL_MS } from './bounds.ts'
import { contradictions, olderDisturbance } from './truthful-states.ts'
import { type Exec, type Job, overAt, staleFrom, succeededAt, type Timeline } from './timeline.ts'
import { Findings, type Finding } from './violation.ts'

/**
 * G7: an execution that has lost its job changes nothing. Its success does not complete the job, its output is not kept, its
 * failure does not disturb its successor, what it reports is refused, and it is told within 3 s of being able to run. Tokens of
 * a job only grow.
 */
export function checkFencing(timeline: Timeline): Finding {
  const findings = new Findings('G7')
  for (const job of timeline.jobs.values()) {
    checkTokens(findings, job)
    const stale = job.execs.filter((exec) => exec.staleBy !== undefined && overAt(exec) > staleFrom(exec))
    if (stale.length === 0) continue
    findings.examined += stale.length
    checkCompletion(findings, job)
    checkSuccessor(timeline, findings, job)
    for (const exec of stale) {
      checkReports(findings, exec)
      checkTold(timeline, findings, exec)
    }
  }
  return findings
}

/** Writes of executions that had lost their job, and were accepted. */
export function checkReports(findings: Findings, exec: Exec): void {
  for (const { event, ok } of exec.reports) {
    if (ok === undefined || event.at < staleFrom(exec)) continue
    findings.add(
      `Its ${event.verb} was accepted after the job had gone to another execution.`,
      [exec.staleBy?.start, event, ok],
      [exec.job.id],
    )
  }
}

function checkCompletion(findings: Findings, job: Job): void {
  const completed = job.states.find((state) => state.status === 'completed')
  if (completed === undefined) return
  const succeeded = job.execs.filter((exec) => succeededAt(exec) <= completed.at)
  const current = succeeded.filter((exec) => succeededAt(exec) < staleFrom(exec))
  const [stale] = succeeded
  if (stale === undefined) return
  if (current.length === 0) {
    findings.add(
      'It was completed by an execution that had lost it.',
      [stale.staleBy?.start, stale.end, completed],
      [job.id],
    )
    return
  }
  const outputs = current.flatMap((exec) => outputsOf(exec))
  if (completed.outputHash === undefined || outputs.length === 0 || outputs.includes(completed.outputHash)) return
  const author = job.execs.find((exec) => outputsOf(exec).includes(completed.outputHash ?? ''))
  findings.add(
    'Its output is not that of the execution that completed it.',
    [author?.end, current[0]?.end, completed],
    [job.id],
  )
}

function outputsOf(exec: Exec): readonly string[] {
  const set = exec.reports.filter(({ event }) => event.verb === 'output').map(({ event }) => event.valueHash)
  return [exec.end?.outputHash, ...set].flatMap((hash) => (hash === undefined ? [] : [hash]))
}

function checkSuccessor(timeline: Timeline, findings: Findings, job: Job): void {
  for (const { exec, state } of contradictions(timeline, job)) {
    const older = olderDisturbance(exec, state)
    if (older === undefined) continue
    const sentence = `An execution that had lost it made it ${state.status} while its successor runs.`
    findings.add(sentence, [older.end, exec.start, state], [job.id])
  }
}

function checkTold(timeline: Timeline, findings: Findings, exec: Exec): void {
  const lost = staleFrom(exec)
  const allowed = TELL_MS + timeline.bounds.slackMs
  const deadline = exec.worker.hampered.firstFree(lost, allowed) + allowed
  const told = exec.aborts[0]?.at ?? Infinity
  if (Math.min(told, overAt(exec), timeline.finishedAt) <= deadline) return
  findings.add(
    'Its signal did not fire within 3 s of losing its job and being able to run.',
    [exec.start, exec.staleBy?.start, exec.aborts[0]],
    [exec.job.id],
  )
}

function checkTokens(findings: Findings, job: Job): void {
  let highest: Exec | undefined
  for (const exec of job.execs) {
    const { token } = exec.start
    if (token === undefined) continue
    findings.examined++
    const before = highest?.start.token ?? -Infinity
    // One that begins late, after its successor, has the lower token by right.
    const isLate = exec.staleBy === highest && token < before
    if (token <= before && !isLate) {
      const told = [`Token ${token} follows token ${before}.`, [highest?.start, exec.start], [job.id]] as const
      // A worker whose completion was lost finds that it still holds the job, and runs it again; nobody else has its token.
      const isShared = job.execs.some((other) => other.start.token === token && other.worker !== exec.worker)
      if (isShared) findings.addDespiteLoss(...told)
      else findings.add(...told)
    }
    if (token > before) highest = exec
  }
}

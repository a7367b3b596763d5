import { groupBy } from './group-by.ts'
import { type At, type Exec, type Job, staleFrom, type Timeline } from './timeline.ts'
import { Findings, type Finding } from './violation.ts'

/**
 * G27: a step whose value is stored is not run again by a later attempt, and gives the same value to all; an execution that has
 * lost its job stores none. A wait is not over before its time, and a token gives all who wait for it the value it was
 * completed with.
 */
export function checkSteps(timeline: Timeline): Finding {
  const findings = new Findings('G27')
  const tokens = tokenValues(timeline)
  for (const job of timeline.jobs.values()) {
    const steps = job.execs.flatMap((exec) => exec.steps.map((event) => ({ exec, event })))
    for (const [step, seen] of groupBy(steps, ({ event }) => event.step)) checkStep(findings, job, step, seen)
    checkWaits(timeline, { findings, tokens }, job)
  }
  return findings
}

interface StepSeen {
  readonly exec: Exec
  readonly event: At<'step-start'> | At<'step-value'>
}

function checkStep(findings: Findings, job: Job, step: string, seen: readonly StepSeen[]): void {
  findings.examined++
  const inOrder = seen.toSorted((a, b) => a.event.index - b.event.index)
  let stored: At<'step-value'> | undefined
  for (const { exec, event } of inOrder) {
    if (event.type === 'step-start') {
      // One that began before knows nothing of what was stored meanwhile.
      const knows = stored !== undefined && exec.start.index > stored.index
      if (knows)
        findings.add(`Step "${step}" ran again after its value was stored.`, [stored, exec.start, event], [job.id])
      continue
    }
    if (isStoredByStale(exec, event, seen)) {
      findings.add(
        `Step "${step}" was stored by an execution that had lost the job.`,
        [exec.staleBy?.start, event],
        [job.id],
      )
    } else if (stored !== undefined && stored.valueHash !== event.valueHash) {
      findings.add(`Step "${step}" gave another value than before.`, [stored, event], [job.id])
    }
    stored ??= event
  }
}

/** It ran the step itself, from a moment on when it no longer held the job. */
function isStoredByStale(exec: Exec, value: At<'step-value'>, seen: readonly StepSeen[]): boolean {
  const ran = seen.find(
    ({ exec: by, event }) => by === exec && event.type === 'step-start' && event.index < value.index,
  )
  return ran !== undefined && ran.event.at >= staleFrom(exec)
}

/** The completions that decided a token's value, by token. */
type TokenValues = ReadonlyMap<string, readonly At<'token-complete'>[]>

function tokenValues(timeline: Timeline): TokenValues {
  const taken = new Set(timeline.of('token-complete-ok').flatMap(({ call, taken: decided }) => (decided ? [call] : [])))
  return groupBy(
    timeline.of('token-complete').filter(({ call }) => taken.has(call)),
    ({ token }) => token,
  )
}

interface WaitCheck {
  readonly findings: Findings
  readonly tokens: TokenValues
}

function checkWaits(timeline: Timeline, { findings, tokens }: WaitCheck, job: Job): void {
  const waits = groupBy(
    job.execs.flatMap((exec) => exec.waits),
    (event) => event.wait,
  )
  for (const [wait, events] of waits) {
    const begun = events.find((event) => event.type === 'wait-begin')
    const ends = events.filter((event) => event.type === 'wait-end')
    const [first] = ends
    findings.examined++
    if (begun === undefined || first === undefined) continue
    const until = begun.token === undefined ? begun.untilDbMs : undefined
    if (until !== undefined && timeline.clock.isKnown && timeline.clock.latest(first.at) < until - 2) {
      findings.add(`Wait "${wait}" was over before its time.`, [begun, first], [job.id])
    }
    const other = ends.find((end) => end.valueHash !== first.valueHash)
    if (other !== undefined) findings.add(`Wait "${wait}" gave another value than before.`, [first, other], [job.id])
    if (begun.token !== undefined) checkToken(findings, job, tokens.get(begun.token) ?? [], first)
  }
}

function checkToken(
  findings: Findings,
  job: Job,
  completions: readonly At<'token-complete'>[],
  first: At<'wait-end'>,
): void {
  const taken = completions.find((call) => call.at <= first.at)
  if (taken === undefined || first.valueHash === undefined || first.valueHash === taken.valueHash) return
  findings.add(`Token ${taken.token} gave another value than it was completed with.`, [taken, first], [job.id])
}

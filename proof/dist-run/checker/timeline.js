/** When a handler was over: it ended or its process died. Infinity: it still runs. */
export function overAt(exec) {
  return exec.end?.at ?? Math.max(exec.worker.diedAt, exec.start.at)
}
/** From when somebody else certainly holds the job. */
export function staleFrom(exec) {
  return exec.staleBy === undefined ? Infinity : Math.max(exec.staleBy.start.at, exec.start.at)
}
/**
 * The earliest moment at which this execution may have completed its job, or Infinity: when its handler returned, or when it
 * asked for the transaction that completes the job, unless that was refused.
 */
export function succeededAt(exec) {
  const transaction = exec.reports.find(({ event, error }) => event.verb === 'transaction' && error === undefined)
  const returned = exec.end?.outcome === 'ok' ? exec.end.at : Infinity
  return Math.min(returned, transaction?.event.at ?? Infinity)
}
/** Whether a change may have had an effect in the window. */
export function mayHaveHit(change, from, to) {
  if (change.answer?.answer === 'unchanged' || change.answer?.answer === 'not_found') return false
  if (change.error?.outcome === 'refused') return false
  return change.call.at <= to && (change.answer?.at ?? Infinity) >= from
}
/** Changes that let a finished or running job run again. */
export function isRestart(change) {
  return change.call.verb === 'retry' || change.call.verb === 'redrive'
}
/** Whether the job is acknowledged, and in a transaction that is known to have been committed if in any. */
export function acknowledgedAt(timeline, job) {
  const times = job.meant.map(({ add }) => {
    if (add.ok === undefined) return Infinity
    const { tx } = add.event
    return tx === undefined ? add.ok.at : (timeline.committed.get(tx)?.at ?? Infinity)
  })
  return Math.min(Infinity, ...times)
}
/** Final as the API shows it: nothing more happens by itself. */
export function isTerminal(state) {
  if (state.status === 'failed') return state.nextAttemptDbMs === undefined
  return state.status === 'completed' || state.status === 'cancelled'
}
/** What the limit of a group is. */
export function groupLimit(bounds, group) {
  return bounds.groupLimits?.[group] ?? bounds.groupLimit
}
//# sourceMappingURL=timeline.js.map

import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from './random.js'
import { LANES } from './schedule.js'
/**
 * Plays a schedule: steps of one lane one after the other, lanes side by side. Whatever is in force when `signal` fires is
 * healed at once; once this has resolved nothing is broken any more.
 */
export async function conduct(options, signal) {
  await Promise.all(
    LANES.map(async (lane) => {
      for (const step of options.steps.filter((candidate) => candidate.lane === lane)) {
        await pause(step.pauseMs, signal)
        if (signal.aborted) return
        await play(step, options, signal)
      }
    }),
  )
}
async function play(step, options, signal) {
  const { fault } = step
  const site = { ...options.site, random: new Random(step.seed) }
  await Promise.all([site.workers.anyRuns(), site.producers.anyRuns()])
  const victims = fault.victims?.(site)
  const about = {
    type: 'fault',
    id: `${fault.name}-${step.seed}`,
    name: fault.name,
    effect: fault.effect,
    ...(victims === undefined ? {} : { workers: victims.map(({ name }) => name) }),
    ...(fault.isSilent === true ? { silent: true } : {}),
  }
  options.onStep(fault.name)
  const lasts = fault.holdMs !== undefined
  options.record({ ...about, phase: lasts ? 'begin' : 'once' })
  const heal = await inject(fault, withDatabase(site, options.database), victims ?? [])
  await pause(step.holdMs, signal)
  await heal?.()
  if (lasts) options.record({ ...about, phase: 'end' })
}
function withDatabase(site, database) {
  return database === undefined ? site : { ...site, database }
}
async function inject(fault, site, victims) {
  if (fault.place !== 'server') return fault.inject(site, victims)
  if (!('database' in site)) throw new Error(`${fault.name} needs a server`)
  return fault.inject(site, victims)
}
async function pause(ms, signal) {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
//# sourceMappingURL=conductor.js.map

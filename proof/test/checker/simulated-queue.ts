import { Story } from './story.ts'

/** Uniform in [0, 1), from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Fate = 'ok' | 'threw' | 'killed' | 'frozen' | 'cancelled' | 'timeout'

const FATES: readonly Fate[] = ['ok', 'ok', 'ok', 'threw', 'threw', 'killed', 'frozen', 'cancelled', 'timeout']

/** Which jobs of a simulated run met with what, for whoever plants a flaw. */
export interface Simulated {
  readonly story: Story
  readonly fates: ReadonlyMap<number, Fate>
}

/**
 * A legal history of a queue under faults. Jobs follow one another, ten seconds apart and more, each on a worker of its own, so
 * that every fault hits exactly the job it is meant for; within a job times are random inside what is promised.
 */
export function simulate(seed: number): Simulated {
  const random = randomFrom(seed)
  const story = new Story({ groupLimit: 1 })
  const fates = new Map<number, Fate>()
  const states: Record<number, 'completed' | 'cancelled'> = {}
  const jobs = 3 + Math.floor(random() * 10)
  let at = 1_000
  for (let job = 1; job <= jobs; job++) {
    const fate = FATES[Math.floor(random() * FATES.length)] ?? 'ok'
    fates.set(job, fate)
    states[job] = fate === 'cancelled' ? 'cancelled' : 'completed'
    simulateJob(story, random, { job, fate, at })
    at += 30_000
  }
  story.finish(states, at + 60_000)
  return { story, fates }
}

interface Plan {
  readonly job: number
  readonly fate: Fate
  readonly at: number
}

/** Attempts run on `a<job>` first, then on `b<job>`. */
function simulateJob(story: Story, random: () => number, { job, fate, at }: Plan): void {
  const [first, second] = [`a${job}`, `b${job}`]
  const between = (low: number, high: number) => low + random() * (high - low)
  story
    .clock(at)
    .worker(at - 500, first)
    .worker(at - 500, second)
  story.add(at, job, { retryDelaysMs: [200], ...(fate === 'timeout' ? { timeoutMs: 1_000 } : {}), group: `g${job}` })
  const begun = at + between(20, 900)
  const done = begun + between(50, 900)
  story.start(begun, first, job, { group: `g${job}` })
  const again = (from: number) => {
    story.start(from, second, job, { attempt: 2, group: `g${job}` })
    story.end(from + between(1_500, 1_900), second, job, { attempt: 2 })
  }
  switch (fate) {
    case 'ok':
      story.end(done, first, job)
      break
    case 'threw':
      story.end(done, first, job, { outcome: 'threw' })
      again(done + between(200, 900))
      break
    case 'killed':
      story.kill(done, first)
      again(done + between(4_000, 6_900))
      break
    case 'frozen':
      story.fault([done, done + 15_000], 'stall', [first])
      again(done + between(4_000, 6_900))
      story.abort(done + 15_000 + between(10, 2_500), first, job, 'lease-lost')
      story.end(done + 19_000, first, job)
      break
    case 'cancelled':
      story.change(done, job, 'cancel', 'requested')
      story.abort(done + between(11, 1_000), first, job, 'cancelled')
      story.end(done + 1_100, first, job, { outcome: 'threw' })
      break
    case 'timeout':
      story.abort(begun + 1_000, first, job, 'timeout')
      story.end(begun + between(1_500, 4_000), first, job)
      again(begun + 1_200 + between(0, 200))
      break
  }
}

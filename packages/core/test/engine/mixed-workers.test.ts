import { describe, expect, it } from 'vitest'
import { type Lab, openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'
import { startExample, stopExample } from '../support/sql-workers.ts'

const JOBS = Number(process.env['MILLRACE_TEST_MIXED_JOBS'] ?? 150)
/** A worker or its backend dies each time so many jobs are done. */
const EVERY = 15

/** What happened to a job's claim, in the order of the transactions that held its row. */
interface ClaimEvent {
  readonly job: number
  readonly what: 'claimed' | 'ended'
  readonly token: number
  readonly holder: string
}

interface Finished {
  readonly job: number
  readonly token: number
}

/** Everything in a history that two workers, or one that was given up, must never bring about. */
function impossible(history: readonly ClaimEvent[], finished: readonly Finished[]): string[] {
  const faults: string[] = []
  const holds = new Map<number, ClaimEvent>()
  const last = new Map<number, number>()
  const tokens = new Set<string>()
  for (const event of history) {
    const held = holds.get(event.job)
    if (event.what === 'claimed') {
      const claim = `${event.job}/${event.token}`
      if (held !== undefined) faults.push(`${event.holder} claimed job ${event.job}, which ${held.holder} held`)
      if (tokens.has(claim)) faults.push(`job ${event.job} was claimed twice under token ${event.token}`)
      tokens.add(claim)
      holds.set(event.job, event)
    } else {
      if (held?.token !== event.token) faults.push(`a claim of job ${event.job} ended that was not the last`)
      holds.delete(event.job)
      last.set(event.job, event.token)
    }
  }
  for (const event of holds.values()) faults.push(`${event.holder} holds job ${event.job} for ever`)
  const done = new Set<number>()
  for (const { job, token } of finished) {
    if (done.has(job)) faults.push(`job ${job} is finished twice`)
    if (last.get(job) !== token) faults.push(`job ${job} was finished under ${token}, not by its last claim`)
    done.add(job)
  }
  return faults
}

/** Writes a history of claims beside the jobs, in the transactions that change them. */
async function record(lab: Lab): Promise<void> {
  await lab.sql(`create table "${lab.schema}".seen (
    n bigint generated always as identity primary key, job bigint, what text, token bigint, holder text)`)
  await lab.sql(`create function "${lab.schema}".see() returns trigger language plpgsql as $$ begin
    if old.lane = 'x' and (tg_op = 'DELETE' or new.lane <> 'x' or new.token <> old.token) then
      insert into "${lab.schema}".seen (job, what, token, holder) values (old.id, 'ended', old.token, old.locked_by);
    end if;
    if tg_op = 'UPDATE' and new.lane = 'x' and (old.lane <> 'x' or new.token <> old.token) then
      insert into "${lab.schema}".seen (job, what, token, holder) values (new.id, 'claimed', new.token, new.locked_by);
    end if;
    return null;
  end $$`)
  await lab.sql(`create trigger see after update or delete on "${lab.schema}".jobs
    for each row execute function "${lab.schema}".see()`)
}

async function historyOf(lab: Lab): Promise<ClaimEvent[]> {
  const rows = await lab.sql(`select job, what, token, holder from "${lab.schema}".seen order by n`)
  return rows.map(({ job, what, token, holder }) => ({
    job: Number(job),
    what: what === 'claimed' ? 'claimed' : 'ended',
    token: Number(token),
    holder: String(holder),
  }))
}

async function finishedOf(lab: Lab): Promise<Finished[]> {
  const rows = await lab.sql(`select id, token from "${lab.schema}".finished_jobs`)
  return rows.map(({ id, token }) => ({ job: Number(id), token: Number(token) }))
}

describe('the checker of claims', () => {
  const claimed = (job: number, token: number, holder = 'a'): ClaimEvent => ({ job, what: 'claimed', token, holder })
  const ended = (job: number, token: number): ClaimEvent => ({ job, what: 'ended', token, holder: 'a' })

  it.each([
    ['two holders', [claimed(1, 1), claimed(1, 2, 'b'), ended(1, 2)], [{ job: 1, token: 2 }], 'which a held'],
    [
      'a stale completion',
      [claimed(1, 1), ended(1, 1), claimed(1, 2), ended(1, 2)],
      [{ job: 1, token: 1 }],
      'last claim',
    ],
    ['a token given out twice', [claimed(1, 1), ended(1, 1), claimed(1, 1), ended(1, 1)], [], 'twice under token'],
    [
      'a job finished twice',
      [claimed(1, 1), ended(1, 1)],
      [1, 1].map((token) => ({ job: 1, token })),
      'finished twice',
    ],
    ['a claim for ever', [claimed(1, 1)], [], 'for ever'],
  ] as const)('sees %s', (_, history, finished, message) => {
    expect(impossible(history, finished).join()).toContain(message)
  })
})

describe.skipIf(SERVER_URL === undefined)('workers in bash, Python and TypeScript on one queue', () => {
  it(
    'never hold a job together, and lose and double none, while they and their connections are killed',
    { timeout: 60_000 + JOBS * 200 },
    async () => {
      const lab = await openLab()
      const queue = lab.queue()
      await queue.ready()
      await record(lab)
      const ids = await queue.addJobs(
        Array.from({ length: JOBS }, (_, n) => ({ jobType: 'greet', payload: { name: `n${n}` }, maxAttempts: 100 })),
      )

      const typescript = () => lab.worker({ processor: { leaseMs: 2000, concurrency: 2, pollInterval: 200 } })
      let python = startExample('python', lab)
      let bash = startExample('bash', lab)
      let processor = await typescript()
      const kills = [
        async () => {
          await stopExample(python, 'SIGKILL')
          python = startExample('python', lab)
        },
        async () => {
          await stopExample(bash, 'SIGKILL')
          bash = startExample('bash', lab)
        },
        async () => {
          processor.signal('SIGKILL')
          await processor.ended
          processor = await typescript()
        },
        // Each statement under way is undone, or done and its answer lost.
        () => lab.sql('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [lab.role]),
      ]
      const doneCount = async (): Promise<number> => (await finishedOf(lab)).length
      for (let round = 0, goal = EVERY; goal < JOBS; round += 1, goal = (await doneCount()) + EVERY) {
        await poll(async () => (await doneCount()) >= goal, { within: 40_000, what: `${goal} jobs are done` })
        await kills[round % kills.length]?.()
      }
      await poll(async () => (await doneCount()) === JOBS, { within: 40_000, what: 'all jobs are done' })

      const history = await historyOf(lab)
      const finished = await finishedOf(lab)
      expect(impossible(history, finished)).toEqual([])
      expect(new Set(finished.map(({ job }) => job))).toEqual(new Set(ids))
      const holders = history.map(({ holder }) => holder)
      expect(holders.some((holder) => holder.startsWith('python-'))).toBe(true)
      expect(holders.some((holder) => holder.startsWith('bash-'))).toBe(true)
      expect(holders.some((holder) => !/^(python|bash)-/.test(holder))).toBe(true)
      await lab.check()
    },
  )
})

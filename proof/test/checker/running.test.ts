import { type Case, holdAll } from './hold-all.ts'
import { DB_EPOCH_MS, Story } from './story.ts'

/** A worker that is frozen while it runs job 1, which another takes over. */
const zombie = () =>
  new Story()
    .add(100, 1)
    .start(200, 'w1', 1)
    .fault([1_000, 15_000], 'stall', ['w1'])
    .start(7_000, 'w2', 1, { attempt: 2 })

/** A job that somebody retries at `at`: its first handler begins at 5,000 and fails, its second begins before that. */
const takenOver = (at: number) =>
  new Story()
    .add(100, 1, { retryDelaysMs: [1_000] })
    .change(at, 1, 'retry', 'changed')
    .start(5_000, 'w1', 1)
    .start(5_020, 'w2', 1, { attempt: 2 })
    .end(5_030, 'w1', 1, { outcome: 'threw' })
    .write(5_040, 'w1', 'lease-lost', { exec: 'w1/1/1' })
    .end(5_100, 'w2', 1, { attempt: 2 })
    .finish()

/** A job whose handler threw when its transaction failed, and which is completed. */
const transacted = (error: { readonly code: string; readonly isUnknown: boolean }) =>
  new Story()
    .add(100, 1, { transactional: true })
    .start(200, 'w1', 1, { jobType: 'transact' })
    .write(210, 'w1', 'report', { call: 'w1/1/tx', exec: 'w1/1/1', verb: 'transaction' })
    .write(300, 'w1', 'report-error', { call: 'w1/1/tx', message: 'as it happens', ...error })
    .end(310, 'w1', 1, { outcome: 'threw' })
    .write(59_000, 'harness', 'effects', { job: 1, count: 1 })
    .finish()

const CASES: readonly Case[] = [
  {
    guarantee: 'G3',
    flaw: 'a job is pending long after faults stopped',
    bad: () => new Story().add(100, 1).start(200, 'w1', 1).kill(400, 'w1').finish({ 1: 'pending' }),
    good: () => new Story().add(100, 1).start(200, 'w1', 1).kill(400, 'w1').ran([6_500, 6_600], 'w2', 1, 2).finish(),
    also: ['G23'],
  },
  {
    guarantee: 'G4',
    flaw: 'a job is completed though its only handler threw',
    bad: () => new Story().add(100, 1).start(200, 'w1', 1).end(300, 'w1', 1, { outcome: 'threw' }).finish(),
    good: () =>
      new Story()
        .add(100, 1)
        .start(200, 'w1', 1)
        .end(300, 'w1', 1, { outcome: 'threw' })
        .ran([400, 500], 'w1', 1, 2)
        .finish(),
  },
  {
    guarantee: 'G4',
    flaw: 'a job is completed though its transaction was refused and its only handler threw',
    bad: () => transacted({ code: 'LEASE_LOST', isUnknown: false }),
    // The commit was cut off from its answer, and so was the question what became of it.
    good: () => transacted({ code: 'STORE_UNAVAILABLE', isUnknown: true }),
  },
  {
    guarantee: 'G4',
    flaw: 'a job that was completed is failed',
    bad: () =>
      new Story().add(100, 1).ran([200, 300], 'w1', 1).state(1_000, 1, 'completed').state(2_000, 1, 'pending').finish(),
    good: () =>
      new Story()
        .add(100, 1)
        .ran([200, 300], 'w1', 1)
        .state(1_000, 1, 'completed')
        .state(2_000, 1, 'completed')
        .finish(),
  },
  {
    guarantee: 'G4',
    flaw: 'a job is cancelled that nobody cancelled',
    bad: () => new Story().add(100, 1).finish({ 1: 'cancelled' }),
    good: () => new Story().add(100, 1).change(150, 1, 'cancel', 'changed').finish({ 1: 'cancelled' }),
  },
  {
    guarantee: 'G4',
    flaw: 'a job is pending while its handler runs on a healthy worker',
    bad: () => new Story().add(100, 1).ran([200, 1_900], 'w1', 1).state(1_000, 1, 'pending').finish(),
    good: () => new Story().add(100, 1).ran([200, 1_900], 'w1', 1).state(1_000, 1, 'processing').finish(),
  },
  {
    guarantee: 'G5',
    flaw: 'a job runs again after it succeeded in a calm run',
    bad: () => new Story().add(100, 1).ran([200, 300], 'w1', 1).ran([7_000, 7_100], 'w2', 1, 2).finish(),
    good: () =>
      new Story()
        .add(100, 1)
        .ran([200, 300], 'w1', 1)
        .change(5_000, 1, 'retry', 'changed')
        .ran([7_000, 7_100], 'w2', 1, 2)
        .finish(),
  },
  {
    guarantee: 'G5',
    flaw: 'a job runs again because its worker died long after its success',
    bad: () =>
      new Story().add(100, 1).ran([200, 300], 'w1', 1).kill(9_000, 'w1').ran([16_000, 16_100], 'w2', 1, 2).finish(),
    good: () =>
      new Story().add(100, 1).ran([200, 300], 'w1', 1).kill(305, 'w1').ran([6_000, 6_100], 'w2', 1, 2).finish(),
  },
  {
    guarantee: 'G6',
    flaw: 'a job is taken from a worker that lives and is connected',
    bad: () =>
      new Story()
        .add(100, 1)
        .start(200, 'w1', 1)
        .ran([7_000, 7_500], 'w2', 1, 2)
        .abort(7_100, 'w1', 1, 'lease-lost')
        .end(8_000, 'w1', 1)
        .finish(),
    good: () =>
      zombie().end(7_500, 'w2', 1, { attempt: 2 }).abort(15_100, 'w1', 1, 'lease-lost').end(15_200, 'w1', 1).finish(),
  },
  {
    guarantee: 'G6',
    flaw: 'a job is taken from a worker that was frozen for less than its lease',
    bad: () =>
      new Story()
        .add(100, 1)
        .start(200, 'w1', 1)
        .fault([1_000, 2_000], 'stall', ['w1'])
        .ran([7_000, 7_500], 'w2', 1, 2)
        .abort(7_100, 'w1', 1, 'lease-lost')
        .end(8_000, 'w1', 1)
        .finish(),
    good: () =>
      new Story()
        .add(100, 1)
        .start(200, 'w1', 1)
        .fault([1_000, 6_500], 'stall', ['w1'])
        .ran([7_000, 7_500], 'w2', 1, 2)
        .abort(7_100, 'w1', 1, 'lease-lost')
        .end(8_000, 'w1', 1)
        .finish(),
  },
  {
    guarantee: 'G8',
    flaw: 'a job runs more often than it may',
    bad: () => threwThrice({ maxAttempts: 2 }).finish({ 1: 'failed' }),
    good: () => threwThrice({ maxAttempts: 3 }).finish({ 1: 'failed' }),
  },
  {
    guarantee: 'G8',
    flaw: 'a job is given up before its attempts are used up',
    bad: () => threwThrice({ maxAttempts: 4 }).finish({ 1: 'failed' }),
    good: () => threwThrice({ maxAttempts: 3 }).finish({ 1: 'failed' }),
  },
  {
    guarantee: 'G9',
    flaw: 'a retry starts before its delay is over',
    bad: () =>
      new Story()
        .add(100, 1, { retryDelaysMs: [1_000] })
        .start(200, 'w1', 1)
        .end(300, 'w1', 1, { outcome: 'threw' })
        .ran([1_200, 1_300], 'w1', 1, 2)
        .finish(),
    good: () =>
      new Story()
        .add(100, 1, { retryDelaysMs: [1_000] })
        .start(200, 'w1', 1)
        .end(300, 'w1', 1, { outcome: 'threw' })
        .ran([1_301, 1_400], 'w1', 1, 2)
        .finish(),
  },
  {
    guarantee: 'G6',
    flaw: 'a job runs again beside an attempt that fails later, and nobody asked for it',
    bad: () => takenOver(1_000),
    // Answered before the first handler began, which had been claimed by then.
    good: () => takenOver(4_985),
    also: ['G9'],
  },
  {
    guarantee: 'G9',
    flaw: 'a retry starts before the stored time',
    bad: () => storedTime(4_000),
    good: () => storedTime(2_900),
  },
  {
    guarantee: 'G23',
    flaw: 'a killed worker leaves its job lying',
    bad: () => new Story().add(100, 1).start(200, 'w1', 1).kill(400, 'w1').ran([8_000, 8_100], 'w2', 1, 2).finish(),
    good: () => new Story().add(100, 1).start(200, 'w1', 1).kill(400, 'w1').ran([7_000, 7_100], 'w2', 1, 2).finish(),
  },
  {
    guarantee: 'G23',
    flaw: 'work does not go on when the server is back',
    bad: () => restarted(12_000),
    good: () => restarted(8_000),
  },
]

function threwThrice({ maxAttempts }: { readonly maxAttempts: number }) {
  const story = new Story().add(100, 1, { maxAttempts })
  for (const attempt of [1, 2, 3]) {
    story.start(attempt * 200, 'w1', 1, { attempt }).end(attempt * 200 + 100, 'w1', 1, { attempt, outcome: 'threw' })
  }
  return story
}

function storedTime(startedAt: number) {
  return new Story()
    .add(100, 1)
    .start(200, 'w1', 1)
    .end(300, 'w1', 1, { outcome: 'threw' })
    .state(1_000, 1, 'failed', { nextAttemptDbMs: DB_EPOCH_MS + (startedAt === 4_000 ? 4_500 : 2_900) })
    .ran([startedAt, startedAt + 50], 'w1', 1, 2)
    .finish()
}

function restarted(resumedAt: number) {
  return new Story()
    .add(100, 1)
    .fault([105, 6_000], 'server')
    .ran([resumedAt, resumedAt + 50], 'w1', 1)
    .finish()
}

holdAll(CASES)

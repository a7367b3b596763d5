import { type Case, holdAll } from './hold-all.ts'
import { DB_EPOCH_MS, Story } from './story.ts'

/** A worker that is frozen while it runs job 1, which another takes over. */
const zombie = () =>
  new Story()
    .add(100, 1)
    .start(200, 'w1', 1)
    .fault([1_000, 15_000], 'stall', ['w1'])
    .start(7_000, 'w2', 1, { attempt: 2 })

const CASES: readonly Case[] = [
  {
    guarantee: 'G7',
    flaw: 'the late success of a frozen worker completes the job',
    bad: () => zombie().end(15_050, 'w1', 1).end(16_000, 'w2', 1, { attempt: 2, outcome: 'threw' }).finish(),
    good: () =>
      zombie()
        .end(15_050, 'w1', 1)
        .end(16_000, 'w2', 1, { attempt: 2, outcome: 'threw' })
        .ran([17_000, 17_100], 'w2', 1, 3)
        .finish(),
  },
  {
    guarantee: 'G7',
    flaw: 'the late failure of a frozen worker disturbs its successor',
    bad: () =>
      zombie()
        .end(15_050, 'w1', 1, { outcome: 'threw' })
        .state(15_500, 1, 'pending')
        .end(16_000, 'w2', 1, { attempt: 2 })
        .finish(),
    good: () =>
      zombie()
        .end(15_050, 'w1', 1, { outcome: 'threw' })
        .state(15_500, 1, 'processing')
        .end(16_000, 'w2', 1, { attempt: 2 })
        .finish(),
  },
  {
    guarantee: 'G7',
    flaw: 'the output of a frozen worker replaces that of its successor',
    bad: () => outputOf('stale'),
    good: () => outputOf('current'),
  },
  {
    guarantee: 'G7',
    flaw: 'the progress of a frozen worker is accepted',
    bad: () => lateProgress('report-ok'),
    good: () => lateProgress('report-error'),
  },
  {
    guarantee: 'G7',
    flaw: 'a worker that comes back is not told in time',
    bad: () =>
      zombie().end(7_500, 'w2', 1, { attempt: 2 }).abort(19_000, 'w1', 1, 'lease-lost').end(19_100, 'w1', 1).finish(),
    good: () =>
      zombie().end(7_500, 'w2', 1, { attempt: 2 }).abort(17_500, 'w1', 1, 'lease-lost').end(19_100, 'w1', 1).finish(),
  },
  {
    guarantee: 'G7',
    flaw: 'a fencing token is used again',
    bad: () => tokens(7, 7),
    good: () => tokens(7, 8),
  },
  {
    guarantee: 'G7',
    flaw: 'an execution whose claim was revoked before it began is not told in time',
    bad: () => revoked(3_700),
    good: () => revoked(2_000),
  },
  {
    guarantee: 'G6',
    flaw: 'a job that was restarted long before runs twice at once',
    bad: () =>
      new Story()
        .add(100, 1)
        .change(200, 1, 'retry', 'changed')
        .start(3_000, 'w1', 1, { token: 7 })
        .start(3_100, 'w2', 1, { token: 8, attempt: 2 })
        .abort(3_200, 'w1', 1, 'lease-lost')
        .end(3_300, 'w1', 1, { outcome: 'threw' })
        .end(3_400, 'w2', 1, { attempt: 2 })
        .finish(),
    good: () => revoked(2_000),
  },
  {
    guarantee: 'G22',
    flaw: 'a job starts after its cancellation was acknowledged',
    bad: () =>
      new Story().add(100, 1).change(200, 1, 'cancel', 'changed').ran([300, 400], 'w1', 1).finish({ 1: 'cancelled' }),
    good: () => new Story().add(100, 1).change(200, 1, 'cancel', 'changed').finish({ 1: 'cancelled' }),
  },
  {
    guarantee: 'G22',
    flaw: 'a running handler is not told of its cancellation',
    bad: () =>
      new Story()
        .add(100, 1)
        .start(150, 'w1', 1)
        .change(200, 1, 'cancel', 'requested')
        .end(9_000, 'w1', 1, { outcome: 'threw' })
        .finish({ 1: 'cancelled' }),
    good: () =>
      new Story()
        .add(100, 1)
        .start(150, 'w1', 1)
        .change(200, 1, 'cancel', 'requested')
        .abort(1_000, 'w1', 1, 'cancelled')
        .end(9_000, 'w1', 1, { outcome: 'threw' })
        .finish({ 1: 'cancelled' }),
  },
  {
    guarantee: 'G22',
    flaw: 'the answer says that a running job did not run',
    bad: () =>
      new Story()
        .add(100, 1)
        .start(150, 'w1', 1)
        .change(200, 1, 'cancel', 'changed')
        .abort(400, 'w1', 1, 'cancelled')
        .end(900, 'w1', 1, { outcome: 'threw' })
        .finish({ 1: 'cancelled' }),
    good: () =>
      new Story()
        .add(100, 1)
        .start(150, 'w1', 1)
        .change(200, 1, 'cancel', 'requested')
        .abort(400, 'w1', 1, 'cancelled')
        .end(900, 'w1', 1, { outcome: 'threw' })
        .finish({ 1: 'cancelled' }),
  },
  {
    guarantee: 'G27',
    flaw: 'a stored step runs again',
    bad: () => steps(['step-start', 'step-value']),
    good: () => steps(['step-value']),
  },
  {
    guarantee: 'G27',
    flaw: 'a stored step gives another value',
    bad: () => steps(['step-value'], 'other'),
    good: () => steps(['step-value']),
  },
  {
    guarantee: 'G27',
    flaw: 'a wait is over too early',
    bad: () => waited(2_000),
    good: () => waited(3_100),
  },
]

function outputOf(author: 'stale' | 'current') {
  return zombie()
    .abort(15_010, 'w1', 1, 'lease-lost')
    .end(15_050, 'w1', 1, { outputHash: 'stale' })
    .end(8_000, 'w2', 1, { attempt: 2, outputHash: 'current' })
    .state(20_000, 1, 'completed', { outputHash: author })
    .finish()
}

function lateProgress(answer: 'report-ok' | 'report-error') {
  const story = zombie().end(16_000, 'w2', 1, { attempt: 2 }).abort(15_100, 'w1', 1, 'lease-lost').end(15_200, 'w1', 1)
  story.write(15_020, 'w1', 'report', { call: 'r', exec: 'w1/1/1', verb: 'progress' })
  if (answer === 'report-ok') story.write(15_030, 'w1', 'report-ok', { call: 'r' })
  else story.write(15_030, 'w1', 'report-error', { call: 'r', code: 'LEASE_LOST', message: 'lost' })
  return story.finish()
}

/** The reply to the claim of `w1` is under way while the job is restarted and claimed by `w2`. */
function revoked(toldAt: number): Story {
  return new Story()
    .add(100, 1)
    .change(200, 1, 'retry', 'changed')
    .start(250, 'w2', 1, { token: 8, attempt: 2 })
    .start(300, 'w1', 1, { token: 7 })
    .abort(toldAt, 'w1', 1, 'lease-lost')
    .end(toldAt + 10, 'w1', 1, { outcome: 'threw' })
    .end(4_500, 'w2', 1, { attempt: 2 })
    .finish()
}

function tokens(first: number, second: number) {
  return new Story()
    .add(100, 1)
    .start(200, 'w1', 1, { token: first })
    .end(300, 'w1', 1, { outcome: 'threw' })
    .start(400, 'w1', 1, { token: second, attempt: 2 })
    .end(500, 'w1', 1, { attempt: 2 })
    .finish()
}

/** Job 1 is cut after its step and runs again; `second` is what the second attempt says of the step. */
function steps(second: readonly ('step-start' | 'step-value')[], value = 'v') {
  const story = new Story()
    .add(100, 1)
    .start(200, 'w1', 1)
    .write(250, 'w1', 'step-start', { exec: 'w1/1/1', step: 's' })
    .write(300, 'w1', 'step-value', { exec: 'w1/1/1', step: 's', valueHash: 'v' })
    .kill(400, 'w1')
    .ran([6_000, 6_500], 'w2', 1, 2)
  for (const type of second) {
    if (type === 'step-start') story.write(6_050, 'w2', type, { exec: 'w2/1/2', step: 's' })
    else story.write(6_100, 'w2', type, { exec: 'w2/1/2', step: 's', valueHash: value })
  }
  return story.finish()
}

function waited(until: number) {
  return new Story()
    .add(100, 1)
    .start(200, 'w1', 1)
    .write(210, 'w1', 'wait-begin', { exec: 'w1/1/1', wait: 'w', untilDbMs: DB_EPOCH_MS + 3_000 })
    .end(220, 'w1', 1, { outcome: 'waiting' })
    .start(until, 'w1', 1, { attempt: 2 })
    .write(until + 5, 'w1', 'wait-end', { exec: 'w1/1/2', wait: 'w' })
    .end(until + 50, 'w1', 1, { attempt: 2 })
    .finish()
}

holdAll(CASES)

import { type Case, holdAll } from './hold-all.ts'
import { specOf, Story } from './story.ts'

const CASES: readonly Case[] = [
  {
    guarantee: 'G1',
    flaw: 'an acknowledged job is in no reading of everything stored',
    bad: () => new Story().add(100, 1).finish({}),
    good: () => new Story().add(100, 1).ran([200, 300], 'w1', 1).finish(),
  },
  {
    guarantee: 'G1',
    flaw: 'an acknowledged job is reported missing though it never ran',
    bad: () => new Story().add(100, 1).add(100, 2).ran([200, 300], 'w1', 2).finish({ 1: 'missing', 2: 'completed' }),
    good: () =>
      new Story()
        .add(100, 1)
        .add(100, 2)
        .ran([150, 300], 'w1', 1)
        .ran([200, 300], 'w1', 2)
        .finish({ 1: 'missing', 2: 'completed' }),
  },
  {
    guarantee: 'G2',
    flaw: 'a job runs whose transaction was rolled back',
    bad: () => inTransaction(false).ran([200, 300], 'w1', 1).finish(),
    good: () => inTransaction(true).ran([200, 300], 'w1', 1).finish(),
  },
  {
    guarantee: 'G2',
    flaw: 'half of a batch without an answer exists',
    bad: () => batchWithoutAnswer().ran([200, 300], 'w1', 1).finish(),
    good: () =>
      batchWithoutAnswer().ran([200, 300], 'w1', 1).ran([200, 300], 'w1', 2).finish({ 1: 'completed', 2: 'completed' }),
  },
  {
    guarantee: 'G10',
    flaw: 'the effect of a completed job is there twice',
    bad: () => effects(2),
    good: () => effects(1),
  },
  {
    guarantee: 'G11',
    flaw: 'one key leads to two jobs',
    bad: () =>
      new Story()
        .add(100, 1, { key: 'k' })
        .add(105, 2, { key: 'k' })
        .ran([200, 300], 'w1', 1)
        .ran([200, 300], 'w1', 2)
        .finish({ 1: 'completed', 2: 'completed' }),
    good: () =>
      new Story()
        .add(100, 1, { key: 'k' })
        .add(105, 2, { key: 'j' })
        .ran([200, 300], 'w1', 1)
        .ran([200, 300], 'w1', 2)
        .finish({ 1: 'completed', 2: 'completed' }),
  },
  {
    guarantee: 'G11',
    flaw: 'an add without an answer made two jobs',
    bad: () =>
      unknownAdd()
        .ran([200, 300], 'w1', 1)
        .ran([200, 300], 'w1', 2)
        .start(400, 'w1', 3, { ref: 'r1' })
        .end(500, 'w1', 3)
        .finish({ 1: 'completed', 2: 'completed' }),
    good: () =>
      unknownAdd().ran([200, 300], 'w1', 1).ran([200, 300], 'w1', 2).finish({ 1: 'completed', 2: 'completed' }),
  },
  {
    guarantee: 'G11',
    flaw: 'a concurrent add of a key is refused',
    bad: () => refusedKey(true),
    good: () => refusedKey(false),
  },
  {
    guarantee: 'G21',
    flaw: 'the handler is given another payload',
    bad: () => new Story().add(100, 1).start(200, 'w1', 1, { payloadHash: 'other' }).end(300, 'w1', 1).finish(),
    good: () => new Story().add(100, 1).start(200, 'w1', 1, { payloadHash: 'payload' }).end(300, 'w1', 1).finish(),
  },
  {
    guarantee: 'G21',
    flaw: 'a plain JSON value is refused',
    bad: () => plainJson('PAYLOAD_INVALID'),
    good: () => plainJson(undefined),
  },
]

function inTransaction(present: boolean) {
  const outcome = present ? 'committed' : 'rolled-back'
  return new Story()
    .add(100, 1, {}, 'tx')
    .write(120, 'p1', 'tx-end', { tx: 'tx', outcome })
    .write(50_000, 'harness', 'business-row', { tx: 'tx', present })
}

function batchWithoutAnswer() {
  return new Story()
    .write(100, 'p1', 'add', { call: 'a', jobs: [specOf(1), specOf(2)] })
    .write(110, 'p1', 'add-error', { call: 'a', outcome: 'unknown', message: 'connection lost' })
}

function unknownAdd() {
  return batchWithoutAnswer().fault([100, 150], 'connection')
}

function refusedKey(isRefused: boolean) {
  const story = new Story().add(100, 1, { key: 'k' }).ran([200, 300], 'w1', 1).finish()
  story.write(105, 'p2', 'add', { call: 'again', jobs: [specOf(1, { key: 'k' })] })
  if (!isRefused) return story.write(115, 'p2', 'add-ok', { call: 'again', ids: [1] })
  return story.write(115, 'p2', 'add-error', {
    call: 'again',
    outcome: 'refused',
    code: 'STORE_FAILED',
    message: '23505',
  })
}

function effects(count: number) {
  return new Story()
    .add(100, 1, { transactional: true })
    .ran([200, 300], 'w1', 1)
    .finish()
    .write(60_500, 'harness', 'effects', { job: 1, count })
}

function plainJson(code: string | undefined) {
  const story = new Story()
    .add(100, 1)
    .ran([200, 300], 'w1', 1)
    .write(400, 'p1', 'add', { call: 'x', jobs: [specOf(2, { plainJson: true })] })
  if (code === undefined)
    return story
      .write(410, 'p1', 'add-ok', { call: 'x', ids: [2] })
      .ran([500, 600], 'w1', 2)
      .finish({ 1: 'completed', 2: 'completed' })
  return story.write(410, 'p1', 'add-error', { call: 'x', outcome: 'refused', code, message: 'an array' }).finish()
}

holdAll(CASES)

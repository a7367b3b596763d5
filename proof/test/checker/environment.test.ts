import { type Case, holdAll } from './hold-all.ts'
import { DB_EPOCH_MS, specOf, Story } from './story.ts'

const gone = (story: Story, at: number, worker: string, code: number | null) =>
  story.write(at, 'harness', 'worker-gone', { worker, code, signal: null, expected: false })

const CASES: readonly Case[] = [
  {
    guarantee: 'G18',
    flaw: 'a handler starts in a worker that drains',
    bad: () => drained().ran([1_100, 1_200], 'w1', 2).finish({ 1: 'completed', 2: 'completed' }),
    good: () => drained().ran([1_100, 1_200], 'w2', 2).finish({ 1: 'completed', 2: 'completed' }),
  },
  {
    guarantee: 'G18',
    flaw: 'a job that succeeded in a drain runs again',
    bad: () =>
      new Story()
        .add(100, 1)
        .start(200, 'w1', 1)
        .write(1_000, 'w1', 'drain-begin', {})
        .end(1_200, 'w1', 1)
        .write(1_300, 'w1', 'drain-end', {})
        .ran([7_000, 7_100], 'w2', 1, 2)
        .finish(),
    good: () =>
      new Story()
        .add(100, 1)
        .start(200, 'w1', 1)
        .write(1_000, 'w1', 'drain-begin', {})
        .end(1_200, 'w1', 1)
        .write(1_300, 'w1', 'drain-end', {})
        .finish(),
  },
  {
    guarantee: 'G18',
    flaw: 'a drain never ends',
    bad: () => drained(false).ran([1_100, 1_200], 'w2', 2).finish({ 1: 'completed', 2: 'completed' }),
    good: () => drained(true).ran([1_100, 1_200], 'w2', 2).finish({ 1: 'completed', 2: 'completed' }),
  },
  {
    guarantee: 'G19',
    flaw: 'a killed connection takes the process down',
    bad: () =>
      gone(new Story().add(100, 1).ran([200, 300], 'w2', 1).fault([900, 950], 'connection'), 1_000, 'w1', 1).finish(),
    good: () => new Story().add(100, 1).ran([200, 300], 'w2', 1).fault([900, 950], 'connection').finish(),
  },
  {
    guarantee: 'G19',
    flaw: 'a job fails though its handler succeeded',
    bad: () =>
      new Story()
        .add(100, 1, { maxAttempts: 1 })
        .ran([200, 300], 'w1', 1)
        .fault([250, 400], 'connection')
        .finish({ 1: 'failed' }),
    good: () =>
      new Story()
        .add(100, 1, { maxAttempts: 1 })
        .ran([200, 300], 'w1', 1)
        .fault([250, 400], 'connection')
        .finish({ 1: 'completed' }),
  },
  {
    guarantee: 'G19',
    flaw: 'many successes run again when connections are killed',
    bad: () => reruns(4),
    good: () => reruns(1),
  },
  {
    guarantee: 'G19',
    flaw: 'a call under a killed connection never returns',
    bad: () => unansweredAdd(true),
    good: () => unansweredAdd(false),
  },
  {
    guarantee: 'G19',
    flaw: 'a dead connection is not noticed',
    bad: () => halfOpen(70_000),
    good: () => halfOpen(500),
  },
  {
    guarantee: 'G20',
    flaw: 'a hostile handler takes its worker down',
    bad: () =>
      gone(new Story().add(100, 1, { hostile: 'contained', maxAttempts: 5 }).start(200, 'w1', 1), 300, 'w1', 1)
        .ran([6_000, 6_100], 'w2', 1, 2)
        .finish(),
    good: () =>
      new Story()
        .add(100, 1, { hostile: 'contained', maxAttempts: 5 })
        .start(200, 'w1', 1)
        .end(300, 'w1', 1, { outcome: 'threw' })
        .ran([1_000, 1_100], 'w2', 1, 2)
        .finish(),
  },
  {
    guarantee: 'G20',
    flaw: 'nonsense is accepted',
    bad: () => new Story().add(100, 1, { nonsense: true }).ran([200, 300], 'w1', 1).finish(),
    good: () =>
      new Story()
        .add(100, 1)
        .ran([200, 300], 'w1', 1)
        .write(400, 'p1', 'add', { call: 'n', jobs: [specOf(9, { nonsense: true })] })
        .write(410, 'p1', 'add-error', { call: 'n', outcome: 'refused', code: 'OPTION_INVALID', message: 'no' })
        .finish(),
  },
  {
    guarantee: 'G24',
    flaw: 'a worker whose clock is ahead starts a job early',
    bad: () => skewed(4_000),
    good: () => skewed(5_050),
  },
  {
    guarantee: 'G25',
    flaw: 'a call waits for ever in a calm run',
    bad: () =>
      new Story()
        .add(100, 1)
        .ran([200, 300], 'w1', 1)
        .write(400, 'p1', 'change', { call: 'c', verb: 'edit', job: 1 })
        .finish(),
    good: () => new Story().add(100, 1).ran([200, 300], 'w1', 1).change(400, 1, 'edit', 'unchanged').finish(),
  },
  {
    guarantee: 'G25',
    flaw: 'the heap of a long run grows and grows',
    bad: () => grown({ heapMb: 80 }),
    good: () => grown({ heapMb: 20 }),
  },
  {
    guarantee: 'G25',
    flaw: 'the tables of a long run grow and grow',
    bad: () => grown({ tables: 100_000_000 }),
    good: () => grown({ tables: 3_000_000 }),
  },
  {
    guarantee: 'G25',
    flaw: 'a worker holds more connections than its pool',
    bad: () =>
      new Story({ poolSize: 1 })
        .add(100, 1)
        .ran([200, 300], 'w1', 1)
        .write(400, 'w1', 'sample', { heapMb: 30, connections: 4 })
        .finish(),
    good: () =>
      new Story({ poolSize: 1 })
        .add(100, 1)
        .ran([200, 300], 'w1', 1)
        .write(400, 'w1', 'sample', { heapMb: 30, connections: 3 })
        .finish(),
  },
  {
    guarantee: 'G26',
    flaw: 'a change is made for a request from elsewhere',
    bad: () => request({ origin: 'cross', csrfToken: false }),
    good: () => request({}),
  },
  {
    guarantee: 'G26',
    flaw: 'a public address is served without credentials',
    bad: () => request({ bind: 'public', credentials: 'none' }),
    good: () => request({ bind: 'public', credentials: 'none', status: 401 }),
  },
]

function drained(isOver = true) {
  const story = new Story().add(100, 1).add(1_050, 2).ran([200, 300], 'w1', 1).write(1_000, 'w1', 'drain-begin', {})
  return isOver ? story.write(1_300, 'w1', 'drain-end', {}) : story
}

/** A hundred jobs succeed under killed connections, of which some run again. */
function reruns(count: number) {
  const story = new Story().fault([100, 12_000], 'connection')
  for (let job = 1; job <= 100; job++) {
    story.add(100, job).ran([200 + job * 30, 210 + job * 30], 'w1', job)
    if (job <= count) story.ran([10_000 + job * 20, 10_010 + job * 20], 'w2', job, 2)
  }
  return story.finish(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [index + 1, 'completed'])))
}

function unansweredAdd(isForgotten: boolean) {
  const story = new Story().add(100, 1).ran([200, 300], 'w1', 1).fault([390, 500], 'connection')
  story.write(400, 'p1', 'add', { call: 'lost', jobs: [specOf(2)] })
  if (!isForgotten) story.write(900, 'p1', 'add-error', { call: 'lost', outcome: 'unknown', message: 'gone' })
  return story.finish({ 1: 'completed' }, 100_000)
}

function halfOpen(silentMs: number) {
  return new Story()
    .add(100, 1)
    .ran([200, 300], 'w1', 1)
    .write(1_000, 'harness', 'fault', {
      id: 'h',
      name: 'half-open',
      effect: 'cut',
      phase: 'once',
      workers: ['w1'],
      silent: true,
    })
    .write(70_000, 'harness', 'worker-seen', { worker: 'w1', sentAt: 69_990, silentMs })
    .finish({ 1: 'completed' }, 100_000)
}

function skewed(startedAt: number) {
  return new Story()
    .fault([50, 40_000], 'clock', ['w1'])
    .add(100, 1, { runAtDbMs: DB_EPOCH_MS + 5_000 })
    .ran([startedAt, startedAt + 50], 'w1', 1)
    .finish()
}

function request(fields: Partial<Parameters<Story['write']>[3]>) {
  return new Story()
    .add(100, 1)
    .ran([200, 300], 'w1', 1)
    .write(400, 'harness', 'request', {
      method: 'POST',
      route: '/jobs/1/retry',
      mutating: true,
      bind: 'loopback',
      credentials: 'valid',
      origin: 'same',
      csrfToken: true,
      host: 'allowed',
      readOnly: false,
      status: 200,
      ...fields,
    })
    .finish()
}

holdAll(CASES)

/** Half an hour, in the second quarter of which 20 MB of heap and 2 MB of tables were in use, and in the last so much. */
function grown({ heapMb = 20, tables = 2_000_000 }: { readonly heapMb?: number; readonly tables?: number }): Story {
  const story = new Story().add(100, 1).ran([200, 300], 'w1', 1)
  for (const [at, heap, size] of [
    [600_000, 20, 2_000_000],
    [1_600_000, heapMb, tables],
  ] as const) {
    story.write(at, 'w1', 'sample', { heapMb: heap })
    story.write(at, 'harness', 'sizes', { tables: size, indexes: 1_000_000 })
  }
  return story.finish(undefined, 1_830_000)
}

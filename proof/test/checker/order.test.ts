import { type Case, holdAll } from './hold-all.ts'
import { DB_EPOCH_MS, Story } from './story.ts'

const CASES: readonly Case[] = [
  {
    guarantee: 'G12',
    flaw: 'three jobs of a group of two run at once',
    bad: () => grouped(700),
    good: () => grouped(1_000),
  },
  {
    guarantee: 'G12',
    flaw: 'a worker of three slots runs four jobs',
    bad: () => four(500),
    good: () => four(1_000),
  },
  {
    guarantee: 'G13',
    flaw: 'a job of a serial lane overtakes an earlier one',
    bad: () => lane(2, 1),
    good: () => lane(1, 2),
  },
  {
    guarantee: 'G14',
    flaw: 'a dependent starts before its prerequisite is completed',
    bad: () => dependent(250),
    good: () => dependent(310),
  },
  {
    guarantee: 'G14',
    flaw: 'a dependent is cancelled for a failure that was retried',
    bad: () => retriedPrerequisite().finish({ 1: 'completed', 2: 'cancelled' }),
    good: () => retriedPrerequisite().ran([1_600, 1_700], 'w1', 2).finish({ 1: 'completed', 2: 'completed' }),
  },
  {
    guarantee: 'G15',
    flaw: 'a tick makes two jobs',
    bad: () => ticks([1_000, 1_000, 2_000]),
    good: () => ticks([1_000, 2_000]),
  },
  {
    guarantee: 'G15',
    flaw: 'a tick makes no job',
    bad: () => ticks([1_000]),
    good: () => ticks([1_000, 2_000]),
  },
  {
    guarantee: 'G16',
    flaw: 'a job starts before it is due',
    bad: () =>
      new Story()
        .add(100, 1, { runAtDbMs: DB_EPOCH_MS + 5_000 })
        .ran([4_900, 5_000], 'w1', 1)
        .finish(),
    good: () =>
      new Story()
        .add(100, 1, { runAtDbMs: DB_EPOCH_MS + 5_000 })
        .ran([5_001, 5_100], 'w1', 1)
        .finish(),
  },
  {
    guarantee: 'G16',
    flaw: 'a job starts long after it is due, on an idle worker',
    bad: () =>
      new Story()
        .add(100, 1, { runAtDbMs: DB_EPOCH_MS + 5_000 })
        .ran([6_400, 6_500], 'w1', 1)
        .finish(),
    good: () =>
      new Story()
        .add(100, 1, { runAtDbMs: DB_EPOCH_MS + 5_000 })
        .ran([6_200, 6_300], 'w1', 1)
        .finish(),
  },
  {
    guarantee: 'G16',
    flaw: 'a job of lower priority goes first',
    bad: () => priorities(2, 3),
    good: () => priorities(3, 2),
  },
  {
    guarantee: 'G17',
    flaw: 'a job waits for longer than the poll interval on an idle worker',
    bad: () => new Story().add(100, 1).ran([1_500, 1_600], 'w1', 1).finish(),
    good: () => new Story().add(100, 1).ran([1_350, 1_450], 'w1', 1).finish(),
  },
]

function grouped(thirdAt: number) {
  const story = new Story({ groupLimit: 2 })
  for (const job of [1, 2, 3]) story.add(100, job, { group: 'g' })
  return story
    .start(200, 'w1', 1, { group: 'g' })
    .start(250, 'w2', 2, { group: 'g' })
    .end(900, 'w1', 1)
    .end(950, 'w2', 2)
    .start(thirdAt, 'w1', 3, { group: 'g' })
    .end(thirdAt + 100, 'w1', 3)
    .finish({ 1: 'completed', 2: 'completed', 3: 'completed' })
}

function four(fourthAt: number) {
  const story = new Story()
  for (const job of [1, 2, 3, 4]) story.add(100, job)
  for (const job of [1, 2, 3]) story.ran([200 + job, 900 + job], 'w1', job)
  return story
    .ran([fourthAt, fourthAt + 100], 'w1', 4)
    .finish({ 1: 'completed', 2: 'completed', 3: 'completed', 4: 'completed' })
}

function lane(first: number, second: number) {
  return new Story()
    .add(100, 1, { serial: 's' })
    .add(150, 2, { serial: 's' })
    .ran([200, 300], 'w1', first)
    .ran([350, 400], 'w1', second)
    .finish({ 1: 'completed', 2: 'completed' })
}

function dependent(startedAt: number) {
  return new Story()
    .add(100, 1)
    .add(150, 2, { dependsOn: ['r1'] })
    .ran([200, 300], 'w1', 1)
    .ran([startedAt, 400], 'w1', 2)
    .finish({ 1: 'completed', 2: 'completed' })
}

function retriedPrerequisite() {
  return new Story()
    .add(100, 1)
    .add(150, 2, { dependsOn: ['r1'] })
    .start(200, 'w1', 1)
    .end(300, 'w1', 1, { outcome: 'threw' })
    .ran([1_400, 1_500], 'w1', 1, 2)
}

function ticks(made: readonly number[]) {
  const story = new Story().write(50, 'p1', 'schedule', {
    schedule: 'every-second',
    missed: 'catch-up',
    ticksDbMs: [DB_EPOCH_MS + 1_000, DB_EPOCH_MS + 2_000],
  })
  made.forEach((tick, index) => {
    const job = index + 1
    story.start(tick + 50, 'w1', job, { schedule: 'every-second', tickDbMs: DB_EPOCH_MS + tick })
    story.end(tick + 60, 'w1', job)
  })
  return story.finish(Object.fromEntries(made.map((_, index) => [index + 1, 'completed'])))
}

/** Jobs 2 (low) and 3 (high) wait behind job 1 for a worker of one slot. */
function priorities(first: number, second: number) {
  return new Story()
    .without((event) => event.type === 'worker-started')
    .worker(0, 'w1', 1)
    .add(100, 1)
    .add(200, 2, { priority: 1 })
    .add(300, 3, { priority: 5 })
    .ran([400, 2_400], 'w1', 1)
    .ran([2_450, 4_000], 'w1', first)
    .ran([4_050, 4_100], 'w1', second)
    .finish({ 1: 'completed', 2: 'completed', 3: 'completed' })
}

holdAll(CASES)

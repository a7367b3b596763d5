import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bench, completed } from '../../src/conformance/bench.ts'
import type { ConformanceCase } from '../../src/conformance/case.ts'
import { fencingCases } from '../../src/conformance/fencing.ts'
import { groupCases } from '../../src/conformance/groups.ts'
import { signalCases } from '../../src/conformance/signals.ts'
import { workerCases } from '../../src/conformance/workers.ts'
import { functionFiles } from '../../src/postgres/generated/sql.ts'
import { sqlWriter } from '../../src/postgres/schema.ts'
import { runModel } from '../model/suite.ts'
import { openPostgresTarget, type PostgresTarget } from '../support/postgres-target.ts'

const url = process.env['MILLRACE_TEST_PG18_URL']
const SCHEMA = 'sabotage'

/** At most: the first one that notices ends it, and which one that is changes with every kind of command that the model learns. */
const HISTORIES = 600

/** What only two sessions at the same time can get wrong. */
const lockCases: readonly ConformanceCase[] = [
  {
    name: 'two claims do not give out the places of one group at the same time',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      await t.finish(worker, completed, { groupId: 'g' })
      await t.claim(worker)
      await t.addAll([{ groupId: 'g' }, { groupId: 'g' }])
      let claim: Promise<unknown> = Promise.resolve()
      await t.target.transaction?.(async (db) => {
        await db.query(`select ${SCHEMA}.serve_group_wakes()`)
        await t.add({ groupId: 'g' })
        claim = t.claim(worker)
        // With the lock it passes the group over; without, it goes on once this transaction has ended.
        await Promise.race([claim, t.pass(300)])
      })
      await claim
    },
  },
]

const CASES: readonly ConformanceCase[] = [...fencingCases, ...workerCases, ...groupCases, ...signalCases, ...lockCases]

/** A piece of the engine taken away: what is replaced in the text of its functions, and who must notice. */
interface Sabotage {
  readonly what: string
  readonly files: readonly string[]
  readonly from: RegExp
  readonly to: string
  /** Cases of these kinds must fail. */
  readonly noticedBy: readonly ConformanceCase[]
  /** Whether random histories must notice as well; wake-ups are no part of the model. */
  readonly inModel: boolean
}

const SABOTAGES: readonly Sabotage[] = [
  {
    what: 'the fencing predicate of settlements',
    files: ['settle_completed', 'settle_others', 'report'],
    from: / and (j\.token = (s\.token|p_tokens\[1\])|\(\(j\.id, j\.token\) in \(select \* from unnest\([^)]*\)\)\) is true)/g,
    to: '',
    noticedBy: fencingCases,
    inModel: true,
  },
  {
    what: 'the rescue of dead workers',
    files: ['rescue'],
    from: /begin\s+if not exists \(select from :schema\.workers w where w\.expires_at < p_now\)/g,
    to: 'begin return 0; if not exists (select)',
    noticedBy: workerCases,
    inModel: true,
  },
  {
    what: 'the limit of groups',
    files: ['groups'],
    from: /v_room := [^;]*;/g,
    to: 'v_room := 1000;',
    noticedBy: groupCases,
    inModel: true,
  },
  {
    what: 'the lock of a group',
    files: ['groups'],
    from: / for update of g skip locked/g,
    to: '',
    noticedBy: lockCases,
    inModel: false,
  },
  {
    what: 'the wake-up of sleeping workers',
    files: ['add_jobs', 'add_plain', 'retry_jobs', 'change_jobs', 'promote'],
    from: /perform pg_notify\(':channel', (case|'r')[^;]*;/g,
    to: 'perform 1;',
    noticedBy: signalCases,
    inModel: false,
  },
]

describe.skipIf(url === undefined)('an engine without', () => {
  let target: PostgresTarget
  const write = sqlWriter(SCHEMA)
  beforeAll(async () => {
    target = await openPostgresTarget(url ?? '', SCHEMA)
  })
  afterAll(() => target.close())

  /** Puts the functions of these files into the schema, changed by `change`. */
  async function install(files: readonly string[], change: (text: string) => string): Promise<void> {
    for (const { sql } of functionFiles.filter(({ name }) => files.includes(name))) {
      await target.value(write(change(sql)))
    }
  }

  /** Names of the cases that do not pass. */
  async function failing(cases: readonly ConformanceCase[]): Promise<string[]> {
    const names: string[] = []
    for (const { name, run } of cases) {
      await target.reset()
      const passes = await run(new Bench(target)).then(
        async () => (await target.store.checkInvariants()).length === 0,
        () => false,
      )
      if (!passes) names.push(name)
    }
    return names
  }

  test('nothing passes: what follows fails for what was taken away', { timeout: 180_000 }, async () => {
    expect(await failing(CASES)).toEqual([])
  })

  test.each(SABOTAGES)('$what is noticed', { timeout: 180_000 }, async (sabotage) => {
    const { files, from, to, noticedBy, inModel } = sabotage
    try {
      await install(files, (text) => {
        expect(text).toMatch(from)
        return text.replaceAll(from, to)
      })
      const noticed = await failing(noticedBy)
      expect(noticed.length).toBeGreaterThan(0)
      const histories = inModel
        ? runModel(target, { endOnFailure: true, runs: HISTORIES })
        : Promise.reject(new Error('not asked'))
      await expect(histories).rejects.toThrow(inModel ? 'Property failed' : 'not asked')
    } finally {
      await install(files, (text) => text)
    }
  })
})

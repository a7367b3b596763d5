import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEmbedded } from '../src/index.ts'
import { DEFAULT_UPKEEP, decideUpkeep, type Condition, type TableStatistics } from '../src/upkeep.ts'
import { temporaryFolder, until } from './members.ts'

const table = (changes: Partial<TableStatistics>): TableStatistics => ({
  name: 'public.jobs',
  isCatalog: false,
  deadRows: 0,
  liveRows: 0,
  changedSinceAnalyze: 0,
  frozenAge: 0,
  ...changes,
})
const condition = (changes: Partial<Condition>): Condition => ({
  tables: [],
  changes: 0,
  idleMs: 0,
  walBytes: 0,
  sinceCheckpointMs: 0,
  ...changes,
})
const decide = (changes: Partial<Condition>): string[] => decideUpkeep(condition(changes), DEFAULT_UPKEEP)

test('nothing is due on a database at rest', () => {
  expect(decide({ idleMs: 1e9, sinceCheckpointMs: 1e9 })).toEqual([])
})

test('tables are vacuumed after 20,000 changes, or when idle with fewer', () => {
  const tables = [table({ deadRows: 5_000, liveRows: 10, changedSinceAnalyze: 9_000 }), table({ name: 'public.quiet' })]
  expect(decide({ tables, changes: 19_999 })).toEqual([])
  expect(decide({ tables, changes: 20_000 })).toEqual(['vacuum public.jobs', 'analyze public.jobs'])
  expect(decide({ tables, changes: 9_000, idleMs: 60_000 })).toEqual(['vacuum public.jobs', 'analyze public.jobs'])
})

test('a table that only grows is analysed and not vacuumed', () => {
  const tables = [table({ liveRows: 30_000, changedSinceAnalyze: 30_000 })]
  expect(decide({ tables, changes: 30_000 })).toEqual(['analyze public.jobs'])
})

test('a checkpoint is made by size of the log, or by time if anything was written', () => {
  expect(decide({ walBytes: 32 * 1024 * 1024 })).toEqual(['checkpoint'])
  expect(decide({ walBytes: 1, sinceCheckpointMs: 300_000 })).toEqual(['checkpoint'])
  expect(decide({ walBytes: 1, sinceCheckpointMs: 299_999 })).toEqual([])
})

test('an old table is frozen before PostgreSQL would stop taking writes', () => {
  expect(decide({ tables: [table({ frozenAge: 150_000_001 })] })).toEqual(['vacuum (freeze) public.jobs'])
})

test(
  'an idle database removes its dead rows, gathers statistics and writes a checkpoint',
  { timeout: 60_000 },
  async () => {
    const upkeep = { idleMs: 100, everyMs: 20, checkpointMs: 100 }
    const warnings: Error[] = []
    await using database = await openEmbedded({
      dataDir: join(temporaryFolder(), 'db'),
      upkeep,
      onError: (error) => warnings.push(error),
    })
    const [start] = await database.query(CHECKPOINT)
    await database.script(
      'create table jobs (n int); insert into jobs select generate_series(1, 3000); delete from jobs',
    )
    const counts = async (): Promise<unknown> =>
      (
        await database.query(
          "select vacuum_count > 0, analyze_count > 0 from pg_stat_user_tables where relname = 'jobs'",
        )
      )[0]
    await untilIdle(async () => JSON.stringify(await counts()) === '[true,true]')
    await untilIdle(async () => (await database.query(CHECKPOINT))[0]?.[0] !== start?.[0])
    expect(warnings).toEqual([])
  },
)

const CHECKPOINT = 'select checkpoint_lsn::text from pg_control_checkpoint()'

/** Asks seldom enough for the database to count as idle in between. */
async function untilIdle(isTrue: () => Promise<boolean>): Promise<void> {
  await until(async () => {
    await new Promise((resolve) => setTimeout(resolve, 500))
    return await isTrue()
  }, 20_000)
}

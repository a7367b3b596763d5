import { expect, test } from 'vitest'
import { openEmbedded } from '../src/index.ts'
import { startMember, temporaryFolder, until } from './members.ts'

const KILLS = Number(process.env['MILLRACE_KILLS'] ?? 8)

/** A generator of numbers in [0, 1) that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

test(
  `every acknowledged row survives ${KILLS} kills in the middle of inserts`,
  { timeout: 30_000 + KILLS * 10_000 },
  async () => {
    const dataDir = temporaryFolder()
    const random = randomFrom(Number(process.env['MILLRACE_SEED'] ?? 1))
    const acknowledged: unknown[] = []
    for (let round = 0; round < KILLS; round += 1) {
      const member = await startMember(dataDir)
      await member.query('create table if not exists rows (name text primary key)')
      const inserting = member.order('insert', { prefix: `round ${round}` })
      inserting.catch(() => undefined)
      const rows = (): unknown[] => member.messages.flatMap((message) => message['acknowledged'] ?? [])
      const wanted = 5 + Math.floor(random() * 200)
      await until(() => rows().length >= wanted, 20_000)
      if (random() < 0.3) void member.query('checkpoint').catch(() => undefined)
      await member.kill()
      acknowledged.push(...rows())
    }
    await using database = await openEmbedded({ dataDir })
    const found = new Set((await database.query('select name from rows')).map((row) => row[0]))
    expect(acknowledged.filter((name) => !found.has(name))).toEqual([])
    // At most the one insert under way at each kill was committed without being acknowledged.
    expect(found.size - acknowledged.length).toBeLessThanOrEqual(KILLS)
  },
)

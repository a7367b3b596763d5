import { expect, test } from 'vitest'
import { startMember, temporaryFolder, until, type Member } from './members.ts'

/** Two milliseconds of work that also count themselves. */
const COUNTED = "select nextval('turns'), count(*) from generate_series(1, 20000)"

async function countedBy(member: Member): Promise<number> {
  const rows = (await member.query('select last_value::int from turns')) as number[][]
  return rows[0]?.[0] ?? 0
}

test('an owner with much to do keeps no other process waiting', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  await owner.query('create sequence turns')
  const client = await startMember(dataDir)
  await owner.order('flood', { text: COUNTED, atOnce: 8 })
  const gaps: number[] = []
  let before = await countedBy(client)
  await until(async () => {
    const now = await countedBy(client)
    gaps.push(now - before)
    before = now
    return now > 1500
  }, 100_000)
  // Served as they arrive, up to a thousand statements of the owner come before those that a socket holds.
  expect(Math.max(...gaps)).toBeLessThan(400)
}, 120_000)

test('a process with many transactions lets others in between', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  await owner.query('create table done (n int)')
  const [busy, other] = await Promise.all([startMember(dataDir), startMember(dataDir)])
  const transacting = busy.order('transact', { text: 'insert into done values (1)', count: 50 })
  await until(() => busy.messages.some((message) => message['transacted'] !== undefined))
  const seen = await other.query('select count(*)::int from done')
  await transacting
  expect(await other.query('select count(*)::int from done')).toEqual([[50]])
  expect(Number((seen as number[][])[0]?.[0])).toBeLessThan(25)
}, 60_000)

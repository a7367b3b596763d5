import { writeFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'node:net'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { openEmbedded } from '../src/index.ts'
import { currentProcess } from '../src/process-identity.ts'
import { encodeFrame, FrameReader, type Request } from '../src/protocol.ts'
import { MemberError, startMember, temporaryFolder, until, type Member } from './members.ts'

/** A statement sent before the loss was noticed rejects; the next waits for the new owner. */
async function queryAfterLoss(member: Member, text: string): Promise<unknown> {
  try {
    return await member.query(text)
  } catch (error) {
    if (!(error instanceof MemberError) || error.code !== 'STORE_UNAVAILABLE') throw error
    return await member.query(text)
  }
}

/** Whether a statement of somebody else is running. */
async function isBusy(owner: Member): Promise<boolean> {
  return await owner.order('query', { text: 'select 1', timeoutMs: 100 }).then(
    () => false,
    () => true,
  )
}

const TABLE = 'create table if not exists rows (name text)'

test('a second process joins the first, and both see the same rows', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  await owner.query(TABLE)
  const client = await startMember(dataDir)
  expect([await owner.order('role'), await client.order('role')]).toEqual(['owner', 'client'])
  await client.query('insert into rows values ($1)', ['from the client'])
  expect(await owner.query('select name from rows')).toEqual([['from the client']])
  await expect(client.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
})

test('notifications reach every process', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  const [first, second] = await Promise.all([startMember(dataDir), startMember(dataDir)])
  const members = [owner, first, second]
  await Promise.all(members.map((member) => member.order('listen', { channel: 'wake' })))
  for (const [index, member] of members.entries()) await member.query(`select pg_notify('wake', '${index}')`)
  const heard = (member: (typeof members)[number]): unknown[] =>
    member.messages.flatMap((message) => message['notified'] ?? [])
  await until(() => members.every((member) => heard(member).length === 3))
  for (const member of members) expect(heard(member)).toEqual(['0', '1', '2'])
})

test('when the owner is killed, a survivor takes over and the others follow it', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  await owner.query(TABLE)
  const survivors = await Promise.all([startMember(dataDir), startMember(dataDir)])
  await survivors[1]?.order('listen', { channel: 'wake' })
  await survivors[0]?.query("insert into rows values ('acknowledged')")
  await owner.kill()
  for (const survivor of survivors)
    expect(await queryAfterLoss(survivor, 'select name from rows')).toEqual([['acknowledged']])
  const roles = await Promise.all(survivors.map((survivor) => survivor.order('role')))
  expect(new Set(roles)).toEqual(new Set(['client', 'owner']))
  await survivors[0]?.query("select pg_notify('wake', 'still there')")
  await until(() => survivors[1]?.messages.some((message) => message['notified'] === 'still there') === true)
  expect(survivors[1]?.messages.some((message) => message['notified'] === '(reconnected)')).toBe(true)
}, 60_000)

test('a statement under way when the owner dies rejects, because its outcome is unknown', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  const client = await startMember(dataDir)
  const statement = client.query('select count(*) from generate_series(1, 200000000)')
  const outcome = statement.catch((error: unknown) => error)
  await until(async () => await isBusy(owner))
  await owner.kill()
  expect(await outcome).toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(await client.query('select 1')).toEqual([[1]])
}, 60_000)

test('an owner that closes hands over without a failed statement', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  await owner.query(TABLE)
  const client = await startMember(dataDir)
  let isClosed = false
  let count = 0
  const closing = owner.order('close').then(() => (isClosed = true))
  while (!isClosed || count === 0) {
    await client.query('insert into rows values ($1)', [`row ${count}`])
    count += 1
  }
  await closing
  await client.query('insert into rows values ($1)', [`row ${count}`])
  expect(await client.order('role')).toBe('owner')
  expect(await client.query('select count(*)::int from rows')).toEqual([[count + 1]])
}, 60_000)

test('the open transaction of a killed client is rolled back', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  await owner.query(TABLE)
  const client = await startMember(dataDir)
  await client.order('hang', { text: "insert into rows values ('abandoned')", timeoutMs: 60_000 })
  await client.kill()
  expect(await owner.query('select count(*)::int from rows')).toEqual([[0]])
})

test('the transaction of a client that holds it too long is rolled back', async () => {
  const dataDir = temporaryFolder()
  const owner = await startMember(dataDir)
  await owner.query(TABLE)
  const client = await startMember(dataDir)
  await client.order('hang', { text: "insert into rows values ('abandoned')", timeoutMs: 300 })
  expect(await owner.query('select count(*)::int from rows')).toEqual([[0]])
})

test('a process that forgets to close still ends, as an owner and as a client', async () => {
  const dataDir = temporaryFolder()
  const program = fileURLToPath(new URL('programs/forgetful.mjs', import.meta.url))
  await promisify(execFile)(process.execPath, [program, dataDir], { timeout: 30_000 })
  await using database = await openEmbedded({ dataDir })
  await promisify(execFile)(process.execPath, [program, dataDir], { timeout: 30_000 })
  expect(await database.query('select name from rows')).toEqual([['owner'], ['client']])
}, 60_000)

test('a process that speaks another version is refused with a message that says so', async () => {
  const dataDir = temporaryFolder()
  const socketPath = join(dataDir, 's.sock')
  const server = createServer((socket) => {
    const reader = new FrameReader<Request>()
    socket.on('data', (piece) => {
      for (const { id } of reader.read(piece)) {
        socket.write(encodeFrame({ kind: 'failed', id, code: 'EMBEDDED_LOCKED', message: 'speaks version 99' }))
      }
    })
  }).listen(socketPath)
  await once(server, 'listening')
  writeFileSync(join(dataDir, 'lock.1'), JSON.stringify({ ...currentProcess(), socketPath }))
  await expect(openEmbedded({ dataDir })).rejects.toMatchObject({
    code: 'EMBEDDED_LOCKED',
    message: 'speaks version 99',
  })
  server.close()
})

test('a directory that is held elsewhere, or by a process that does not answer, is refused by name', async () => {
  const dataDir = temporaryFolder()
  const lock = { ...currentProcess(), socketPath: join(dataDir, 'nobody.sock') }
  writeFileSync(join(dataDir, 'lock.1'), JSON.stringify({ ...lock, host: 'elsewhere' }))
  await expect(openEmbedded({ dataDir })).rejects.toThrow(/of elsewhere.*lock\.1/)
  writeFileSync(join(dataDir, 'lock.1'), JSON.stringify(lock))
  const opening = openEmbedded({ dataDir, startTimeoutMs: 300 })
  await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/EMBEDDED_LOCKED|STORE_UNAVAILABLE/) })
  expect(readdirSync(dataDir)).not.toContain('data')
})

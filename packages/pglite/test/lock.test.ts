import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tryLock } from '../src/lock.ts'
import { currentProcess, livenessOf } from '../src/process-identity.ts'
import { startProgram, temporaryFolder } from './members.ts'

const socketPath = (generation: number): string => `/tmp/${generation}.sock`

function writeLock(dataDir: string, generation: number, changes: object): void {
  const holder = { ...currentProcess(), socketPath: '/tmp/x.sock', ...changes }
  writeFileSync(join(dataDir, `lock.${generation}`), JSON.stringify(holder))
}

test('a free directory is locked, and the lock names this process', () => {
  const dataDir = temporaryFolder()
  expect(tryLock(dataDir, socketPath).kind).toBe('acquired')
  const holder = JSON.parse(readFileSync(join(dataDir, 'lock.1'), 'utf8'))
  expect(holder).toMatchObject({ pid: process.pid, socketPath: '/tmp/1.sock' })
  expect(readdirSync(dataDir)).toEqual(['lock.1'])
})

test('the lock of a live process is never taken, however old it is', () => {
  const dataDir = temporaryFolder()
  tryLock(dataDir, socketPath)
  expect(tryLock(dataDir, socketPath)).toMatchObject({ kind: 'held', liveness: 'alive', holder: { pid: process.pid } })
})

test('a released lock is taken by the next', () => {
  const dataDir = temporaryFolder()
  const first = tryLock(dataDir, socketPath)
  if (first.kind === 'acquired') first.lock.release()
  expect(tryLock(dataDir, socketPath)).toMatchObject({ kind: 'acquired', lock: { socketPath: '/tmp/2.sock' } })
  expect(readdirSync(dataDir)).toEqual(['lock.2'])
})

test('a lock whose process number belongs to another process now is stale', () => {
  const dataDir = temporaryFolder()
  writeLock(dataDir, 4, { startTime: '1' })
  expect(tryLock(dataDir, socketPath).kind).toBe(process.platform === 'win32' ? 'held' : 'acquired')
})

test('a lock of before the last boot is stale, and one of another host is not', () => {
  const here = currentProcess()
  expect(livenessOf({ ...here, boot: 'another' })).toBe('dead')
  expect(livenessOf({ ...here, host: 'another' })).toBe('foreign')
  expect(livenessOf({ ...here, namespace: 'pid:[1]' })).toBe('foreign')
  expect(livenessOf(here)).toBe('alive')
})

test('an empty lock file, as a power cut may leave it, is stale', () => {
  const dataDir = temporaryFolder()
  writeFileSync(join(dataDir, 'lock.7'), '')
  expect(tryLock(dataDir, socketPath).kind).toBe('acquired')
})

test('of many processes that find a stale lock at once, exactly one gets it', { timeout: 60_000 }, async () => {
  const dataDir = temporaryFolder()
  writeLock(dataDir, 1, { startTime: '1' })
  const racers = await Promise.all(Array.from({ length: 8 }, () => startProgram('racer.mjs', dataDir)))
  const outcomes = racers.map(({ child }) => new Promise((resolve) => child.once('message', resolve)))
  for (const { child } of racers) child.send('go')
  const kinds = (await Promise.all(outcomes)).map((message) => Object(message).outcome)
  expect(kinds.filter((kind) => kind === 'acquired')).toHaveLength(1)
})

import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { payloadHash } from '../../src/history/payload-hash.ts'
import { readHistory } from '../../src/history/read-history.ts'
import { monotonicMs, Recorder } from '../../src/history/recorder.ts'

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const built = pathToFileURL(join(import.meta.dirname, '../../dist/history/recorder.js')).href

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-history-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the recorder', () => {
  it('writes one file per process, which are read as one history in the order of what happened', () => {
    using first = Recorder.open(folder, 'worker-1', 'worker')
    using second = Recorder.open(folder, 'worker-2', 'worker')
    first.record({ type: 'worker-started', concurrency: 3 })
    second.record({ type: 'drain-begin' })
    first.record({ type: 'drain-end' })
    const { events, torn } = readHistory(folder)
    expect(torn).toEqual([])
    expect(events.map((event) => `${event.process}:${event.line} ${event.type}`)).toEqual([
      'worker-1:1 open',
      'worker-2:1 open',
      'worker-1:2 worker-started',
      'worker-2:2 drain-begin',
      'worker-1:3 drain-end',
    ])
    expect(events.map((event) => event.index)).toEqual([0, 1, 2, 3, 4])
  })

  it('refuses to append to the file of an earlier process of the same name', () => {
    using recorder = Recorder.open(folder, 'worker-1', 'worker')
    expect(recorder.process).toBe('worker-1')
    expect(() => Recorder.open(folder, 'worker-1', 'worker')).toThrow(/EEXIST/)
  })

  it('leaves out a torn last line and says so, but refuses a line in the middle that is no event', () => {
    using recorder = Recorder.open(folder, 'worker-1', 'worker')
    appendFileSync(recorder.file, '{"at":1,"type":"dra')
    const history = readHistory(folder)
    expect(history.torn).toEqual(['worker-1.jsonl'])
    expect(history.events.map((event) => event.type)).toEqual(['open'])
    appendFileSync(recorder.file, 'in"}x\n')
    expect(() => readHistory(folder)).toThrow(/worker-1\.jsonl:2 is no event/)
  })

  it('has written everything that was recorded before its process is killed', async () => {
    const script = `
      const { Recorder } = await import(${JSON.stringify(built)})
      const recorder = Recorder.open(${JSON.stringify(folder)}, 'worker-9', 'worker')
      for (let n = 1; ; n++) {
        recorder.record({ type: 'step-start', exec: 'e', step: String(n) })
        if (n === 500) process.kill(process.pid, 'SIGKILL')
      }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
    expect(readHistory(folder).events.filter((event) => event.type === 'step-start').length).toBeGreaterThanOrEqual(500)
  })

  it.runIf(existsSync(FAKETIME))('keeps to the clock of the machine in a process whose wall clock is wrong', () => {
    const script = `
      const { monotonicMs } = await import(${JSON.stringify(built)})
      console.log(JSON.stringify([monotonicMs(), Date.now()]))`
    const before = monotonicMs()
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: FAKETIME, FAKETIME: '+3600', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
    })
    const [monotonic = 0, wall = 0] = JSON.parse(output) as number[]
    expect(wall - Date.now()).toBeGreaterThan(3_500_000)
    expect(monotonic).toBeGreaterThanOrEqual(before)
    expect(monotonic).toBeLessThanOrEqual(monotonicMs())
  })
})

describe('the hash of a payload', () => {
  it('is equal for what is equal after a JSON round trip, and only for that', () => {
    expect(payloadHash({ a: 1, b: [undefined, 'x'] })).toBe(payloadHash({ b: [null, 'x'], a: 1, c: undefined }))
    expect(payloadHash([])).not.toBe(payloadHash({}))
    expect(payloadHash('123')).not.toBe(payloadHash(123))
    expect(payloadHash(JSON.parse('{"__proto__":1}'))).not.toBe(payloadHash({}))
  })
})

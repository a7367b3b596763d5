import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { poll } from '../support/poll.ts'

const FOLDER = fileURLToPath(new URL('../../../../examples/order-fulfilment', import.meta.url))
const MAIN = join(FOLDER, 'main.mjs')

/** What the guide says that it prints in the end. */
const EXPECTED = [
  'order 1001: shipped: 8 kg, invoice R-1001; mails: please pay (1), invoice (1), on its way (1)',
  'order 1002: shipped: 4 kg, invoice R-1002; mails: please pay (1), reminder (1), invoice (1), on its way (1)',
  'order 1003: cancelled: not paid; mails: please pay (1), reminder (1)',
  'order 1004: cancelled: card declined; mails: please pay (1)',
  'stock: 2 × mill, 5 × sieve',
]

describe('the example of order fulfilment', () => {
  let data = ''
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'millrace-orders-'))
  })
  afterEach(() => rmSync(data, { recursive: true, force: true, maxRetries: 5 }))

  const run = async (): Promise<string[]> => {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, '--data', data], { timeout: 60_000 })
    return stdout.slice(stdout.indexOf('\n\n')).trim().split('\n')
  }

  it('comes to the end that the guide shows', { timeout: 70_000 }, async () => {
    expect(await run()).toEqual(EXPECTED)
    const guide = readFileSync(
      fileURLToPath(new URL('../../../../docs/guides/order-fulfilment.md', import.meta.url)),
      'utf8',
    )
    for (const line of EXPECTED) expect(guide).toContain(line)
  })

  it('comes to the same end when it was killed on its way', { timeout: 120_000 }, async () => {
    const first = spawn(process.execPath, [MAIN, '--data', data], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    first.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const ended = once(first, 'exit')
    await poll(() => output.includes('reminder'), { within: 30_000 })
    first.kill('SIGKILL')
    await ended
    expect(output).not.toContain('stock:')
    expect(await run()).toEqual(EXPECTED)
  })
})

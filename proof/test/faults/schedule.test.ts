import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { FAULTS } from '../../src/faults/index.ts'
import { OperationSource } from '../../src/load/operation.ts'
import { endsPostgresReply, Proxy } from '../../src/run/proxy.ts'
import { Random } from '../../src/run/random.ts'
import { makeSchedule } from '../../src/run/schedule.ts'

const OPTIONS = { faults: FAULTS, durationMs: 60_000, leaseMs: 3000, conditionChance: 0.3 }

describe('a schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    const of = (seed: number): unknown => {
      const { steps, conditions } = makeSchedule(new Random(seed), OPTIONS)
      return [steps.map(({ fault, ...rest }) => ({ ...rest, name: fault.name })), conditions.map(({ name }) => name)]
    }
    expect(of(7)).toEqual(of(7))
    expect(of(7)).not.toEqual(of(8))
  })

  it('uses every fault sooner or later', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const { steps, conditions } = makeSchedule(new Random(seed), OPTIONS)
      for (const { fault } of steps) seen.add(fault.name)
      for (const { name } of conditions) seen.add(name)
    }
    expect([...seen].toSorted()).toEqual(FAULTS.map(({ name }) => name).toSorted())
  })
})

/** A payload may have a time in it, and so has its hash. */
function isTimely(key: string): boolean {
  return key.startsWith('runAt') || key === 'untilDbMs' || key === 'payloadHash'
}

describe('a load', () => {
  it('is the same for the same seed, but for the times at which jobs are due', () => {
    const of = (seed: number): string[] => {
      const load = { lastAttempt: true, blocked: true, abuse: false, transactions: true }
      const source = new OperationSource({ name: 'p', random: new Random(seed), load, leaseMs: 3000 })
      return Array.from({ length: 300 }, () =>
        JSON.stringify(source.next(), (key, value: unknown) => (isTimely(key) ? 'some time' : value)),
      )
    }
    expect(of(3)).toEqual(of(3))
    expect(of(3)).not.toEqual(of(4))
  })
})

describe('a proxy', () => {
  const closing: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  /** A server that answers each chunk as PostgreSQL ends a reply, and remembers what it was asked. */
  async function open(): Promise<{ proxy: Proxy; asked: string[] }> {
    const asked: string[] = []
    const server: Server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        asked.push(chunk.toString())
        socket.write(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const proxy = new Proxy({ host: '127.0.0.1', port }, () => 0, endsPostgresReply)
    await proxy.listen()
    closing.push(
      () => proxy.close(),
      async () => server.close(),
    )
    return { proxy, asked }
  }

  it('lets a request take effect and cuts off its reply', async () => {
    const { proxy, asked } = await open()
    const client = connect({ host: '127.0.0.1', port: proxy.port })
    client.write('first')
    await once(client, 'data')
    proxy.weather.loseReplies = 1
    client.write('second')
    const [error] = await once(client, 'error', {}).catch((thrown: unknown) => [thrown])
    expect(String(error)).toContain('ECONNRESET')
    expect(asked).toEqual(['first', 'second'])
    expect(proxy.repliesLost).toBe(1)
  })

  it('keeps back what is sent in a partition, and delivers it when the network heals', async () => {
    const { proxy, asked } = await open()
    const client = connect({ host: '127.0.0.1', port: proxy.port })
    client.write('before')
    await once(client, 'data')
    proxy.weather.isParted = true
    client.write('late')
    // Another connection, accepted after those bytes were: it hears nothing either.
    const other = connect({ host: '127.0.0.1', port: proxy.port })
    await once(other, 'connect')
    expect(asked).toEqual(['before'])
    proxy.heal()
    await once(client, 'data')
    expect(asked).toEqual(['before', 'late'])
    client.destroy()
    other.destroy()
  })
})

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { PoolExecutor } from './pool-executor.ts'

describe('a connection that has died in silence', () => {
  test('is broken when it is closed, so that it does not keep the process', async () => {
    // Greets like a server, and then neither answers nor closes.
    const held: Socket[] = []
    const silent = createServer({ allowHalfOpen: true }, (socket) => {
      held.push(socket)
      socket.once('data', () => socket.write(Buffer.from('5200000008000000005a0000000549', 'hex')))
      socket.on('error', () => undefined)
    }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'x', database: 'x', max: 1 })
    const sockets: Socket[] = []
    pool.on('connect', (client) =>
      sockets.push((client as unknown as { connection: { stream: Socket } }).connection.stream),
    )
    const executor = new PoolExecutor({ pool })
    await expect(executor.query('select 1', [], { timeoutMs: 100 })).rejects.toMatchObject({ code: 'STORE_TIMEOUT' })
    await expect.poll(() => sockets.map(({ destroyed }) => destroyed), { timeout: 15_000 }).toEqual([true])
    await executor.close()
    for (const socket of held) socket.destroy()
    silent.close()
    await once(silent, 'close')
  }, 20_000)
})

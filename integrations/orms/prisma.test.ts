import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { initJobQueue } from 'millrace'
import { fromPrisma, prismaExtension } from 'millrace/tx'
import { beforeAll, describe, expect, test } from 'vitest'
import { generatePrismaClient, here, openPrisma } from './prisma-client.ts'
import type { PrismaTx } from './prisma-client.ts'
import { describeOrm, savepoint } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

const run = promisify(execFile)
const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

beforeAll(() => generatePrismaClient('prisma'), 60_000)

function transaction(prisma: PrismaTx): OrmTransaction {
  const tx: OrmTransaction = {
    db: fromPrisma(prisma),
    run: (sql) => prisma.$executeRawUnsafe(sql),
    nested: (fn) => savepoint(tx, fn),
  }
  return tx
}

describeOrm('Prisma', async (url) => {
  const prisma = await openPrisma(url, 'prisma', 'Prisma')
  return {
    transaction: (fn, isolation) =>
      prisma.$transaction((tx) => fn(transaction(tx)), isolation && { isolationLevel: 'Serializable' }),
    close: () => prisma.$disconnect(),
  }
})

describe.skipIf(serverUrl === '')('the Prisma extension', () => {
  test('gives the client and its transactions `enqueue`', async () => {
    const schema = 'prisma_extension'
    const prisma = await openPrisma(serverUrl, 'prisma')
    const queue = initJobQueue<{ welcome: { name: string } }>({
      databaseConfig: { connectionString: serverUrl, max: 2 },
      schema,
      listen: false,
    })
    await queue.ready()
    const extended = prisma.$extends(prismaExtension(queue))
    try {
      const kept = await extended.$transaction(async (tx) => {
        const ids = await tx.enqueueMany([{ jobType: 'welcome', payload: { name: 'Bob' } }])
        return [await tx.enqueue({ jobType: 'welcome', payload: { name: 'Ada' } }), ...ids]
      })
      const lost = extended.$transaction(async (tx) => {
        await tx.enqueue({ jobType: 'welcome', payload: { name: 'Eve' } })
        throw new Error('refused')
      })
      await expect(lost).rejects.toThrow('refused')
      const outside = await extended.enqueue({ jobType: 'welcome', payload: { name: 'Cy' } })
      expect((await queue.getAllJobs()).map((job) => job.id).toSorted((a, b) => a - b)).toEqual(
        [...kept, outside].toSorted((a, b) => a - b),
      )
    } finally {
      await prisma.$executeRawUnsafe(`drop schema if exists ${schema} cascade`)
      await queue.close()
      await prisma.$disconnect()
    }
  })

  test("fits the generated client's types", async () => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    const checked = run(process.execPath, [tsc, '-p', join(here, 'prisma/tsconfig.json')])
    await expect(checked.catch((error: { stdout: string }) => error.stdout)).resolves.toEqual({
      stdout: '',
      stderr: '',
    })
  }, 60_000)
})

import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaPg } from '@prisma/adapter-pg'
import { initJobQueue } from 'millrace'
import { fromPrisma, prismaExtension } from 'millrace/tx'
import type { PrismaExtension, PrismaTransaction } from 'millrace/tx'
import { beforeAll, describe, expect, test } from 'vitest'
import { applicationName, describeOrm, savepoint } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

const run = promisify(execFile)
const here = dirname(fileURLToPath(import.meta.url))
const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

interface PrismaTx extends PrismaTransaction {
  $executeRawUnsafe(sql: string): Promise<number>
}

/** The generated client, which is not there when the types of this file are checked; see `prisma/drift.ts` for its types. */
interface Client extends PrismaTx {
  $transaction<T>(fn: (tx: PrismaTx) => Promise<T>, options?: object): Promise<T>
  $transaction(operations: readonly unknown[]): Promise<unknown[]>
  $extends<P>(extension: PrismaExtension<P>): Omit<Client, '$transaction'> &
    PrismaExtension<P>['client'] & {
      $transaction<T>(fn: (tx: PrismaTx & PrismaExtension<P>['client']) => Promise<T>): Promise<T>
    }
  $disconnect(): Promise<void>
}

/** Generates the client as `prisma generate` does, without the migration engine, which is nothing to this. */
beforeAll(async () => {
  const cli = createRequire(import.meta.url).resolve('prisma/build/index.js')
  await run(process.execPath, [cli, 'generate', '--schema', join(here, 'prisma/schema.prisma')], {
    cwd: here,
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
  })
}, 60_000)

async function open(url: string, name: string): Promise<Client> {
  const generated: { PrismaClient: new (options: object) => Client } = await import(
    join(here, 'generated/prisma/client.ts')
  )
  const adapter = new PrismaPg({ connectionString: url, max: 2, application_name: applicationName(name) })
  return new generated.PrismaClient({ adapter })
}

function transaction(prisma: PrismaTx): OrmTransaction {
  const tx: OrmTransaction = {
    db: fromPrisma(prisma),
    run: (sql) => prisma.$executeRawUnsafe(sql),
    nested: (fn) => savepoint(tx, fn),
  }
  return tx
}

describeOrm('Prisma', async (url) => {
  const prisma = await open(url, 'Prisma')
  return {
    transaction: (fn, isolation) =>
      prisma.$transaction((tx) => fn(transaction(tx)), isolation && { isolationLevel: 'Serializable' }),
    close: () => prisma.$disconnect(),
  }
})

describe.skipIf(serverUrl === '')('the Prisma extension', () => {
  test('gives the client and its transactions `enqueue`', async () => {
    const schema = 'prisma_extension'
    const prisma = await open(serverUrl, 'extension')
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

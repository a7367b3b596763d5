import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaPg } from '@prisma/adapter-pg'
import type { PrismaExtension, PrismaTransaction } from 'millrace/tx'
import { applicationName } from './suite.ts'

export const here: string = dirname(fileURLToPath(import.meta.url))

const run = promisify(execFile)

export interface PrismaTx extends PrismaTransaction {
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>
}

/** The generated client, which is not there when types are checked; see `prisma/drift.ts` for its own types. */
export interface PrismaClient extends PrismaTx {
  $transaction<T>(fn: (tx: PrismaTx) => Promise<T>, options?: object): Promise<T>
  $extends<P>(extension: PrismaExtension<P>): Omit<PrismaClient, '$transaction'> &
    PrismaExtension<P>['client'] & {
      $transaction<T>(fn: (tx: PrismaTx & PrismaExtension<P>['client']) => Promise<T>): Promise<T>
    }
  $disconnect(): Promise<void>
}

/**
 * Generates the client as `prisma generate` does, without the migration engine, which is nothing to this. Each test file has
 * its own, under `generated/<name>`, because they run side by side.
 */
export async function generatePrismaClient(name: string, from = 'prisma/schema.prisma'): Promise<void> {
  const folder = join(here, 'generated', name)
  const schema = await readFile(join(here, from), 'utf8')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'schema.prisma'), schema.replace('../generated/prisma', './client'))
  const cli = createRequire(import.meta.url).resolve('prisma/build/index.js')
  await run(process.execPath, [cli, 'generate', '--schema', join(folder, 'schema.prisma')], {
    cwd: here,
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
  })
}

/** A client of those that `generatePrismaClient(name)` made. */
export async function openPrisma(url: string, name: string, application = name): Promise<PrismaClient> {
  const generated: { PrismaClient: new (options: object) => PrismaClient } = await import(
    join(here, 'generated', name, 'client/client.ts')
  )
  const adapter = new PrismaPg({ connectionString: url, max: 4, application_name: applicationName(application) })
  return new generated.PrismaClient({ adapter })
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbedded } from '@millrace/pglite'
import { createPostgresStore } from '../../src/postgres/store.ts'
import { type ModelTarget, type SqlValue, sqlModelHooks } from './model-target.ts'
import { quoted, sqlHooks } from './postgres-target.ts'

export interface EmbeddedTarget extends ModelTarget {
  readonly value: SqlValue
  readonly close: () => Promise<void>
}

/** An embedded database in a folder of its own; `close` ends it and removes the folder. */
export async function openEmbeddedTarget(schema: string): Promise<EmbeddedTarget> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-conformance-'))
  const database = await openEmbedded({ dataDir })
  const store = createPostgresStore({ executor: database, schema })
  await store.migrate({ mode: 'auto' })
  const shared = {
    kind: database.kind,
    parallelism: database.parallelism,
    query: database.query.bind(database),
    script: database.script.bind(database),
    close: () => Promise.resolve(),
  }
  const value: SqlValue = async (text) =>
    (await database.query(text.replaceAll(':schema', () => quoted(schema))))[0]?.[0]
  return {
    store,
    ...sqlHooks((text, values) => database.query(text, values), schema),
    value,
    ...sqlModelHooks(value, schema),
    openAnother: () => Promise.resolve(createPostgresStore({ executor: shared, schema })),
    transaction: (fn) => database.transaction((tx) => fn(tx)),
    async close() {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

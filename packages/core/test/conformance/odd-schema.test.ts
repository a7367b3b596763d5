import { afterAll, describe, test } from 'vitest'
import { runConformance } from '../../src/conformance/index.ts'
import { validateSchemaName } from '../../src/postgres/connection.ts'
import { openPostgresTarget } from '../support/postgres-target.ts'

const url = process.env['MILLRACE_TEST_PG18_URL']

/** A name that ends an identifier, looks like a parameter, and like a column of a table. */
const SCHEMA = validateSchemaName('Jobs "x" $1.y')

describe.skipIf(url === undefined)('the contract in a schema with an odd name', () => {
  let target: ReturnType<typeof openPostgresTarget> | undefined
  runConformance({
    name: SCHEMA,
    openStore: () => (target ??= openPostgresTarget(url ?? '', SCHEMA)),
    test,
  })
  afterAll(async () => (await target)?.close())
})

import { tableMigrations } from './generated/sql.ts'
import { validateSchemaName } from './search-path.ts'
import { sqlWriter } from './schema.ts'

/** An index that the migrations of this version make, besides those of primary keys. */
export interface ExpectedIndex {
  readonly name: string
  readonly table: string
  /** The statement that makes it. */
  readonly sql: string
}

/**
 * The indexes that a migrated instance has, for whoever checks that nobody has dropped one.
 *
 * @throws MillraceError `CONFIG_INVALID` if `schema` cannot be the name of an instance.
 */
export function expectedIndexes(schema: string): readonly ExpectedIndex[] {
  const write = sqlWriter(validateSchemaName(schema))
  const found = new Map<string, ExpectedIndex>()
  for (const [statement, verb, name = '', table] of statements()) {
    if (verb === 'drop') found.delete(name)
    else if (table !== undefined) found.set(name, { name, table, sql: write(statement.slice(0, -1)) })
  }
  return [...found.values()]
}

/** In the order of the migrations, so that a later one may drop what an earlier one made. */
function statements(): readonly RegExpMatchArray[] {
  const index = /^(create|drop) (?:unique )?index (?::schema\.)?(\w+)(?: on :schema\.(\w+)[^;]*)?;/gm
  return tableMigrations.flatMap(({ sql }) => [...sql.matchAll(index)])
}

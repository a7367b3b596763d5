import { MillraceError } from 'millrace'
import type { PostgresJobQueueConfig } from 'millrace'

/** A `DataSource` of TypeORM, by structure. */
export interface DataSourceLike {
  readonly options: { readonly type: string }
  readonly driver: object
}

type Pool = NonNullable<PostgresJobQueueConfig['pool']>

/**
 * The connection pool of a TypeORM `DataSource` on PostgreSQL, so that the queue needs none of its own:
 *
 *     MillraceModule.forRootAsync({ inject: [getDataSourceToken()], useFactory: (ds) => ({ pool: poolOf(ds) }) })
 *
 * @throws MillraceError `NOT_YET` for a data source on another database, `CONFIG_INVALID` for one without a pool of `pg`
 */
export function poolOf(dataSource: DataSourceLike): Pool {
  const { type } = dataSource.options
  if (type !== 'postgres') {
    const remedy =
      "Use a PostgreSQL DataSource; in tests, a local PostgreSQL or `MillraceModule.forRoot({ backend: 'pglite' })`"
    throw new MillraceError(
      'NOT_YET',
      `The DataSource is of type "${type}". Jobs live in PostgreSQL in this version; Redis comes next, and no other database of TypeORM is planned. ${remedy}.`,
      { details: { field: 'type', value: type, remedy } },
    )
  }
  const pool: unknown = Reflect.get(dataSource.driver, 'master')
  if (!isPool(pool)) {
    throw new MillraceError(
      'CONFIG_INVALID',
      'The DataSource has no pool yet. Await `dataSource.initialize()` first.',
      {
        details: { field: 'dataSource', remedy: 'Initialize it first' },
      },
    )
  }
  return pool
}

function isPool(value: unknown): value is Pool {
  return typeof value === 'object' && value !== null && 'connect' in value && typeof value.connect === 'function'
}

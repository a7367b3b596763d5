import { JobExecutionEntity } from 'millrace/locks'
import { DataSource } from 'typeorm'

const dataSource = new DataSource({
  type: 'postgres',
  url: process.env['DATABASE_URL'],
  poolSize: 3,
  entities: [JobExecutionEntity],
})

let opened: Promise<DataSource> | undefined

/** What the skill imports from `@/lib/db`. */
export function getDb(): Promise<DataSource> {
  opened ??= dataSource.initialize()
  return opened
}

import { JobExecutionEntity } from 'millrace/locks'
import { DataSource } from 'typeorm'

const dataSource = new DataSource({
  type: 'postgres',
  url: process.env['DATABASE_URL'],
  poolSize: 3,
  entities: [JobExecutionEntity],
})

/** What the skill imports from `@/lib/db`. */
export async function getDb(): Promise<DataSource> {
  return dataSource.isInitialized ? dataSource : dataSource.initialize()
}

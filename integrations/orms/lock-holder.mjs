// Takes a lock, tells its id, and holds it until it is killed.
import { acquireJobLock } from 'millrace'
import { DataSource } from 'typeorm'

const dataSource = await new DataSource({ type: 'postgres', url: process.argv[2] ?? '' }).initialize()
const result = await acquireJobLock(dataSource, 'crash', { staleAfterMs: 2000 })
process.send?.(result.acquired ? result.jobExecution.id : result.reason)

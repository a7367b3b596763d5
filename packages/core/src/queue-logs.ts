import { checkInteger, checkOptions } from './model/check.ts'
import type { JobLogs } from './model/log.ts'
import type { QueueCore } from './queue-core.ts'
import { checkedId } from './queue-reads.ts'

/** What `getJobLogs` takes besides the id. */
export interface JobLogOptions {
  /** Only lines after the one with this id. Default: from the oldest that is kept. */
  readonly after?: number | undefined
  /** At most so many, 1 to 1,000. Default 1,000. */
  readonly limit?: number | undefined
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof JobLogOptions>(['after', 'limit'])

/** The method of a queue that reads what handlers logged. */
export interface LogMethods {
  /**
   * What a job's handlers said by `ctx.log`, of all attempts, oldest first; nothing for an unknown job. To follow it, ask again with
   * `after`: the last id seen.
   */
  getJobLogs(id: number, options?: JobLogOptions): Promise<JobLogs>
}

export function logMethods({ store }: QueueCore): LogMethods {
  return {
    async getJobLogs(id, options = {}) {
      checkOptions('options', options, OPTION_NAMES, '{ after: 17 }')
      const { after = 0, limit = 1000 } = options
      checkInteger('after', after, { min: 0, max: Number.MAX_SAFE_INTEGER, remedy: 'Pass the id of a line' })
      checkInteger('limit', limit, { min: 1, max: 1000, remedy: 'Leave it out for 1000' })
      const known = checkedId(id)
      return (await store()).listLogs({ id: known, after, limit })
    },
  }
}

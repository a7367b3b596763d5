import type { Logger } from '@nestjs/common'
import type { JobQueue } from 'millrace'

/** Warns, at the first job, if nothing listens to SIGTERM: by then whoever calls `enableShutdownHooks` has done so. */
export function warnWithoutShutdownHooks({ hooks }: Pick<JobQueue, 'hooks'>, logger: Logger): void {
  const unsubscribe = hooks.subscribe(({ type }) => {
    if (type !== 'job.started') return
    unsubscribe()
    if (process.listenerCount('SIGTERM') > 0) return
    logger.warn(
      'Nothing here listens to SIGTERM, so a stop cuts running jobs off. Call `app.enableShutdownHooks()`: then they are waited for.',
    )
  })
}

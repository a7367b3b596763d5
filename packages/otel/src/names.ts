/**
 * Names of the messaging conventions of OpenTelemetry (semantic conventions 1.37, in development), and ours where they have none. A job
 * type is a destination, a job a message, a worker a client.
 */
export const SYSTEM = 'millrace'

export const ATTRIBUTE = {
  system: 'messaging.system',
  operation: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  messageId: 'messaging.message.id',
  batchCount: 'messaging.batch.message_count',
  clientId: 'messaging.client.id',
  errorType: 'error.type',
  attempt: 'millrace.job.attempt',
  outcome: 'millrace.job.outcome',
  status: 'millrace.job.status',
  willRetry: 'millrace.job.will_retry',
  group: 'millrace.job.group',
  tenant: 'millrace.job.tenant',
  step: 'millrace.step.name',
  storeOperation: 'millrace.store.operation',
} as const

export const METRIC = {
  sent: 'messaging.client.sent.messages',
  consumed: 'messaging.client.consumed.messages',
  operation: 'messaging.client.operation.duration',
  process: 'messaging.process.duration',
  wait: 'millrace.job.wait.duration',
  leasesLost: 'millrace.lease.lost',
  rescued: 'millrace.job.rescued',
  storeErrors: 'millrace.store.errors',
  jobs: 'millrace.queue.jobs',
  ready: 'millrace.queue.ready',
  oldestReady: 'millrace.queue.oldest_ready.age',
  workers: 'millrace.queue.workers',
} as const

/** Of the conventions: seconds. */
export const DURATION_BUCKETS: number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** Of waits, which are longer: seconds. */
export const WAIT_BUCKETS: number[] = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400]

/** Few different values, whatever is thrown: the code of a `MillraceError`, else the error's name. */
export function errorType(error: unknown, reason: string | undefined): string {
  if (typeof error !== 'object' || error === null) return reason ?? '_OTHER'
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string' && code !== '') return code
  const name: unknown = Reflect.get(error, 'name')
  return typeof name === 'string' && name !== '' && name !== 'Error' ? name : (reason ?? '_OTHER')
}

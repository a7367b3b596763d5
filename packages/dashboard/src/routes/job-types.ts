import type { Call, Route } from '../call.ts'
import { workersOf } from './instance.ts'
import type { PayloadSchema, TypeList, TypeRow } from '../wire.ts'

/** Of the latest jobs, for types that nothing else tells of. */
const LOOKED_AT = 200

/** The routes about job types. */
export const typeRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/types',
    summary: 'Job types: those that are declared, that a worker handles, or that one of the latest jobs has.',
    isLive: true,
    isForWholeInstance: true,
    handle: async (call): Promise<TypeList> => ({ types: await typesOf(call) }),
  },
  {
    method: 'GET',
    path: '/schema',
    summary: 'What a payload of a type must be, as JSON Schema, if its definition tells.',
    query: { jobType: { type: 'string', minLength: 1, maxLength: 255 } },
    handle({ dashboard, query }): Promise<PayloadSchema> {
      const jobType = query.get('jobType') ?? ''
      const found = dashboard.queue.describeJobs().find((job) => job.jobType === jobType)
      return Promise.resolve({ schema: found?.payloadSchema ?? null })
    },
  },
]

async function typesOf(call: Call): Promise<TypeRow[]> {
  const { queue, settings, reads } = call.dashboard
  const [workers, latest] = await Promise.all([
    workersOf(call),
    reads.read('types', () => queue.getJobs({}, LOOKED_AT)),
  ])
  const declared = new Map(queue.describeJobs().map((job) => [job.jobType, job.payloadSchema]))
  const alive = workers.filter(({ isLost }) => !isLost)
  const types = new Set([
    ...settings.jobTypes,
    ...declared.keys(),
    ...alive.flatMap(({ jobTypes }) => jobTypes ?? []),
    ...latest.map(({ jobType }) => jobType),
  ])
  return [...types]
    .toSorted((one, other) => one.localeCompare(other))
    .map((jobType) => ({
      jobType,
      isDeclared: declared.has(jobType),
      hasSchema: (declared.get(jobType) ?? null) !== null,
      workers: alive.filter(({ jobTypes }) => jobTypes === null || jobTypes.includes(jobType)).length,
    }))
}

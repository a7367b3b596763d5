import { PrismaPg } from '@prisma/adapter-pg'
import { initJobQueue } from 'millrace'
import { createDoctorJobs, DoctorJob, fromPrisma, prismaExtension } from 'millrace/tx'
import type { EitherLike } from 'millrace/tx'
import { type DeadLetters, type Job, type Prisma, PrismaClient } from '../generated/prisma/client/client.ts'

// Compiled, never run: that the generated client's own types fit.
const queue = initJobQueue<{ welcome: { name: string } }>()
const prisma = new PrismaClient({ adapter: new PrismaPg({}) })

export async function inTransaction(): Promise<number> {
  return prisma.$transaction((tx) =>
    queue.addJob({ jobType: 'welcome', payload: { name: 'Ada' } }, { db: fromPrisma(tx) }),
  )
}

export async function extended(): Promise<number> {
  const client = prisma.$extends(prismaExtension(queue))
  const id: number = await client.enqueue({ jobType: 'welcome', payload: { name: 'Ada' } })
  // @ts-expect-error the payload's type follows the queue's
  await client.enqueue({ jobType: 'welcome', payload: { name: 1 } })
  await client.$transaction(async (tx) => {
    await tx.user.create({ data: { name: 'Ada' } })
    await tx.enqueue({ jobType: 'welcome', payload: { name: 'Ada' } })
  })
  return id
}

interface ParsedJob {
  type: 'sendClientLoginLink'
  options: { clientId: string }
}

const parseJob = (job: Job): EitherLike<Error, ParsedJob> => ({ _tag: 'Right', right: JSON.parse(job.data) })

/** As the documentation of the class writes it, with the client's own models checked. */
export const doctorJob: DoctorJob<ParsedJob, Job, DeadLetters, Prisma.TransactionClient> = new DoctorJob({
  prismaClient: prisma,
  parseJob,
  getJob: async (client) => {
    const job = await client.job.findFirst({ orderBy: { createdAt: 'asc' } })
    if (job === null) return { _tag: 'None' }
    return { _tag: 'Some', value: job }
  },
  createJob: async (tx, data) => {
    await tx.job.create({ data: { data } })
  },
  getDeadLetters: async (client) => client.deadLetters.findMany(),
  createDeadLetter: async (client, job) => {
    await client.deadLetters.create({ data: { id: job.id, data: job.data } })
  },
})

/** With three type arguments, as there: the models are not checked, and everything fits. */
export const loose = new DoctorJob<ParsedJob, Job, DeadLetters>({
  prismaClient: prisma,
  parseJob,
  getJob: async (client) => {
    const job = await client['job']?.['findFirst']?.({ orderBy: { createdAt: 'asc' } })
    return job ? { _tag: 'Some', value: job } : { _tag: 'None' }
  },
  createJob: async (tx, data) => tx['job']?.['create']?.({ data: { data } }),
  getDeadLetters: async (client) => (await client['deadLetters']?.['findMany']?.()) ?? [],
  createDeadLetter: async (client, job) =>
    client['deadLetters']?.['create']?.({ data: { id: job.id, data: job.data } }),
})

export async function onTheQueue(): Promise<string> {
  const doctorJobs = createDoctorJobs<ParsedJob, Prisma.TransactionClient>(prisma, { queue: initJobQueue() })
  return doctorJobs.queue(async (tx) => {
    const user = await tx.user.create({ data: { name: 'Ada' } })
    return { data: user.name, job: { type: 'sendClientLoginLink', options: { clientId: String(user.id) } } }
  })
}

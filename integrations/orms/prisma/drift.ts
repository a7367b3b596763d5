import { PrismaPg } from '@prisma/adapter-pg'
import { initJobQueue } from 'millrace'
import { fromPrisma, prismaExtension } from 'millrace/tx'
import { PrismaClient } from '../generated/prisma/client.ts'

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

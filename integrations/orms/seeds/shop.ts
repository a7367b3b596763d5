import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../generated/seeds/client/client.ts'

// What the README's blocks are about, and leave to the application.
export const prismaClient = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env['DATABASE_URL'], max: 4 }),
})

export const sent: string[] = []

export async function getClientById(id: string): Promise<{ id: string; email: string } | null> {
  return prismaClient.client.findUnique({ where: { id } })
}

export async function createMagicLinkLoginToken(clientId: string): Promise<string> {
  return `token of ${clientId}`
}

export function sendClientLoginLinkEmail(email: string, clientId: string, loginToken: string): void {
  sent.push(`${email} ${loginToken === `token of ${clientId}`}`)
}

export function invariant<T>(value: T): asserts value is NonNullable<T> {
  if (value === null || value === undefined) throw new Error('it is not there')
}

import type { INestApplicationContext, ModuleMetadata } from '@nestjs/common'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import pg from 'pg'
import { nest } from './nest.ts'

export const serverUrl: string = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

/** A name that the same test with another Nest does not use. */
export function ownName(purpose: string): string {
  return nest === '12' ? purpose : `${purpose}_${nest}`
}

/** Starts an application of these modules and providers, without a server. */
export async function startApp(metadata: ModuleMetadata): Promise<INestApplicationContext> {
  @Module(metadata)
  class AppModule {}
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false })
}

export async function dropSchema(schema: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  await client.query(`set client_min_messages = warning; drop schema if exists ${pg.escapeIdentifier(schema)} cascade`)
  await client.end()
}

/** Asks `probe` again and again until it answers something true, and answers that. */
export async function poll<T>(probe: () => T | Promise<T>, withinMs = 15_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await probe()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${probe.toString()}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}

/** A database of the test's own, for applications that use the default schema. */
export async function createDatabase(purpose: string): Promise<string> {
  const name = ownName(purpose)
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
  await client.query(`create database ${pg.escapeIdentifier(name)}`)
  await client.end()
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

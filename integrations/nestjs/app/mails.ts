import { setTimeout as sleep } from 'node:timers/promises'
import { Injectable, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { JobHandler, MillraceModule } from '@millrace/nestjs'

const say = (line: string) => process.stdout.write(`${line}\n`)

/** The handler that the applications of integrations/frameworks have, in Nest: one instance may run what another was killed in. */
@Injectable()
class Mails {
  @JobHandler('mail')
  async send({ to, takesMs = 0 }: { to: string; takesMs?: number }, signal: AbortSignal) {
    say(`started ${to}`)
    await sleep(takesMs, undefined, { signal })
    say(`sent ${to}`)
    return { to }
  }
}

@Module({
  imports: [
    MillraceModule.forRoot({
      databaseConfig: { connectionString: process.env['DATABASE_URL'] ?? '' },
      leaseMs: Number(process.env['LEASE_MS'] ?? 30_000),
      drainMs: 10_000,
      processor: { concurrency: 5 },
    }),
  ],
  providers: [Mails],
})
class MailsModule {}

const app = await NestFactory.createApplicationContext(MailsModule, { logger: ['error', 'warn'] })
app.enableShutdownHooks()
say('working')

import type { Command } from 'commander'
import { type CronScheduleRecord, type JobQueue, MillraceError } from 'millrace'
import type { Cell } from '../layout.ts'
import { type Session, withQueue } from '../session.ts'
import { durationText, timeText } from '../text.ts'

interface CronOptions {
  readonly tenant?: string
}

interface CronChange {
  readonly name: string
  readonly description: string
  readonly apply: (session: Session, schedule: CronScheduleRecord) => Promise<void>
}

const CHANGES: readonly CronChange[] = [
  {
    name: 'pause',
    description: 'add no more jobs until it is resumed',
    apply: async ({ queue, output }, schedule) => {
      await queue.pauseCronJob(schedule.id)
      output.result({ id: schedule.id, status: 'paused' }, () => output.line(schedule.scheduleName, 'is paused.'))
    },
  },
  {
    name: 'resume',
    description: 'go on, from the first time that is due from now',
    apply: async ({ queue, output }, schedule) => {
      await queue.resumeCronJob(schedule.id)
      const nextRunAt = (await queue.getCronJob(schedule.id))?.nextRunAt ?? null
      output.result({ id: schedule.id, status: 'active', nextRunAt }, () =>
        output.line(schedule.scheduleName, `is active; next: ${timeText(nextRunAt)}.`),
      )
    },
  },
  {
    name: 'run',
    description: 'add a job of it now, paused or not; prints its id',
    apply: async ({ queue, output }, schedule) => {
      const jobId = await queue.runCronJobNow(schedule.id)
      if (jobId === null) throw unknownSchedule(String(schedule.id))
      output.result({ id: schedule.id, jobId }, () => output.line(jobId))
    },
  },
  {
    name: 'rm',
    description: 'remove it; the jobs that it added stay',
    apply: async ({ queue, output }, schedule) => {
      await queue.removeCronJob(schedule.id)
      output.result({ id: schedule.id, removed: true }, () => output.line(schedule.scheduleName, 'is removed.'))
    },
  },
]

export function addCronCommands(program: Command): void {
  const cron = program.command('cron').description('schedules')
  cron
    .command('ls')
    .description('list schedules, oldest first')
    .option('--tenant <id>', 'of this tenant')
    .action(async ({ tenant }: CronOptions, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const schedules = await queue.listCronJobs(undefined, tenant === undefined ? undefined : { tenantId: tenant })
        const headings = ['ID', 'NAME', 'WHEN', 'ZONE', 'TYPE', 'STATUS', 'NEXT', 'LAST JOB']
        output.result(schedules, () => output.table(headings, schedules.map(scheduleCells), 'There is no schedule.'))
      })
    })
  for (const change of CHANGES) {
    cron
      .command(change.name)
      .description(change.description)
      .argument('<schedule>', 'id or name')
      .option('--tenant <id>', 'whose schedule, where it is given by name')
      .action(async (ref: string, { tenant }: CronOptions, command: Command) => {
        await withQueue(command, async (session) => {
          await change.apply(session, await findSchedule(session.queue, ref, tenant))
        })
      })
  }
}

async function findSchedule(queue: JobQueue, ref: string, tenant: string | undefined): Promise<CronScheduleRecord> {
  const byId = /^\d{1,15}$/.test(ref) ? await queue.getCronJob(Number(ref)) : null
  const found = byId ?? (await queue.getCronJobByName(ref, tenant === undefined ? {} : { tenantId: tenant }))
  if (found === null) throw unknownSchedule(ref)
  return found
}

function unknownSchedule(ref: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `There is no schedule "${ref}".`, {
    details: { field: 'schedule', value: ref, remedy: 'millrace cron ls' },
  })
}

function scheduleCells(schedule: CronScheduleRecord): readonly Cell[] {
  const { everyMs, status } = schedule
  return [
    schedule.id,
    schedule.scheduleName,
    everyMs === null ? schedule.cronExpression : `every ${durationText(everyMs)}`,
    schedule.timezone,
    schedule.jobType,
    status === 'paused' ? { text: status, colour: 'yellow' } : status,
    status === 'paused' ? '-' : timeText(schedule.nextRunAt),
    schedule.lastJobId ?? '-',
  ]
}

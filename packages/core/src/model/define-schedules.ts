import { MillraceError } from '../errors.ts'
import { isRecord, refuseOption } from './check.ts'
import type { JobDefinition, PayloadMapOf } from './define-jobs.ts'
import type { JobType } from './options.ts'
import { checkSchedule, type CronScheduleOptions } from './schedule-options.ts'

/** One schedule as `defineSchedules` takes it: the options of `addCronJob` without the name. */
export type ScheduleDeclaration<PayloadMap = Record<string, unknown>> = {
  readonly [T in JobType<PayloadMap>]: Omit<CronScheduleOptions<PayloadMap, T>, 'scheduleName'>
}[JobType<PayloadMap>]

/** Schedules by name. */
export type ScheduleDeclarations<PayloadMap = Record<string, unknown>> = Readonly<
  Record<string, ScheduleDeclaration<PayloadMap>>
>

/**
 * The schedules of an application in one place, for `initJobQueue({ schedules })`. Job types and payloads are those of the payload
 * map, or of `jobs`, the result of `defineJobs`.
 *
 * @throws MillraceError `OPTION_INVALID` naming schedule and option, such as `daily-report.cronExpression`
 */
export function defineSchedules<const Jobs extends Readonly<Record<string, JobDefinition>>>(
  jobs: Jobs,
  declarations: ScheduleDeclarations<PayloadMapOf<Jobs>>,
): ScheduleDeclarations<PayloadMapOf<Jobs>>
export function defineSchedules<PayloadMap = Record<string, unknown>>(
  declarations: ScheduleDeclarations<PayloadMap>,
): ScheduleDeclarations<PayloadMap>
export function defineSchedules(
  first: ScheduleDeclarations | Readonly<Record<string, JobDefinition>>,
  second?: ScheduleDeclarations,
): ScheduleDeclarations {
  const declarations = second ?? (first as ScheduleDeclarations)
  checkDeclarations(declarations)
  return Object.freeze({ ...declarations })
}

/** Throws `OPTION_INVALID` unless each of them can be added, but for the payload. */
export function checkDeclarations(declarations: ScheduleDeclarations): void {
  if (!isRecord(declarations)) {
    const remedy = "Pass `{ 'daily-report': { cronExpression, jobType, payload } }`"
    refuseOption('schedules', declarations, 'an object of schedules by name', remedy)
  }
  for (const [name, declaration] of Object.entries(declarations)) {
    namedAfter(name, () => checkSchedule({ ...declaration, scheduleName: name }))
  }
}

/** What `check` refuses is named after the schedule. */
export function namedAfter<T>(name: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    throw new MillraceError(error.code, `Schedule "${name}": ${error.message}`, {
      cause: error,
      details: { ...error.details, field: `${name}.${error.details.field ?? ''}` },
    })
  }
}

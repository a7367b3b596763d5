import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type CommonConfig, MillraceError } from 'millrace'

type Jobs = NonNullable<CommonConfig['jobs']>
type Schedules = NonNullable<CommonConfig['schedules']>

/** What a module says of the work that a program does. */
export interface LoadedModule {
  readonly jobs: Jobs
  readonly schedules: Schedules | undefined
}

/** Where a module is looked for when none is named. */
const PLACES: readonly string[] = ['', 'src/'].flatMap((folder) =>
  ['jobs', 'jobs/index'].flatMap((name) => ['ts', 'mts', 'js', 'mjs'].map((ending) => `${folder}${name}.${ending}`)),
)

/** `given`, else the first of the usual places that is there; `undefined` if none is. */
export function findModule(given: string | undefined): string | undefined {
  return given ?? PLACES.find((place) => existsSync(place))
}

/** As `findModule`. @throws MillraceError `OPTION_INVALID` if there is none, or not the one that is given. */
export function existingModule(given: string | undefined): string {
  if (given !== undefined && !existsSync(given)) throw unusable(given, `There is no file ${given}.`)
  const found = findModule(given)
  if (found !== undefined) return found
  throw new MillraceError('OPTION_INVALID', 'There is no module with jobs here: no jobs.ts, jobs.js, src/jobs.ts …', {
    details: { field: 'module', remedy: 'name one, or let one be written: millrace init' },
  })
}

/**
 * The jobs that a module exports as `jobs`, or by default, and its `schedules`. TypeScript is compiled as it is loaded, on every
 * Node.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export async function loadModule(path: string): Promise<LoadedModule> {
  if (!existsSync(path)) throw unusable(path, `There is no file ${path}.`)
  let exported: Readonly<Record<string, unknown>>
  try {
    exported = await imported(resolve(path))
  } catch (error) {
    throw unusable(path, `The module ${path} cannot be loaded: ${reasonOf(error)}`, error)
  }
  const jobs = exported['jobs'] ?? exported['default']
  if (!isJobs(jobs)) {
    throw unusable(
      path,
      `The module ${path} exports no jobs: neither its \`jobs\` nor its default export is of defineJobs.`,
    )
  }
  return { jobs, schedules: exported['schedules'] as Schedules | undefined }
}

async function imported(file: string): Promise<Readonly<Record<string, unknown>>> {
  if (!/\.[cm]?tsx?$/.test(file)) return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
  const { createJiti } = await import('jiti')
  // Of the module's own `millrace` there is one copy, however it is reached.
  const jiti = createJiti(pathToFileURL(file).href, { fsCache: false, nativeModules: ['millrace'] })
  return jiti.import(file)
}

/** The first lines say what; a compiler's further ones show where. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n').slice(0, 2).join(' ').trim()
}

function isJobs(value: unknown): value is Jobs {
  if (typeof value !== 'object' || value === null) return false
  const definitions: unknown[] = Object.values(value)
  return definitions.length > 0 && definitions.every(isDefinition)
}

function isDefinition(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'payload' in value && 'handler' in value
}

function unusable(path: string, message: string, cause?: unknown): MillraceError {
  const remedy = !existsSync(path)
    ? 'name a file that is there, or: millrace init'
    : cause === undefined
      ? 'export const jobs = defineJobs({ … })'
      : `mend it; this shows where it fails: node ${path}`
  return new MillraceError('OPTION_INVALID', message, { details: { field: 'module', value: path, remedy }, cause })
}

import { isJobError } from 'millrace/store'
import type { DependencyStore, JobDependency } from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'

export function dependencyVerbs(instance: RedisInstance): DependencyStore {
  return {
    async listDependencies({ id }) {
      const found = await dependenciesOf(instance, id)
      return found?.map(({ dependency }) => dependency) ?? null
    },
    async countDependencies({ id }) {
      const found = await dependenciesOf(instance, id)
      if (found === null) return null
      const completed = found.filter(({ dependency: { status } }) => status === 'completed').length
      const failed = found.filter(({ isFinal }) => isFinal).length
      const cancelled = found.filter(({ dependency: { status } }) => status === 'cancelled').length
      return {
        total: found.length,
        completed,
        failed,
        cancelled,
        unfinished: found.length - completed - failed - cancelled,
      }
    },
  }
}

interface Found {
  readonly dependency: JobDependency
  /** It failed for good. */
  readonly isFinal: boolean
}

async function dependenciesOf(instance: RedisInstance, id: number): Promise<readonly Found[] | null> {
  const answer = await instance.run(scripts.get_dependencies, [id])
  return answer === null ? null : list(answer).map((found) => dependency(list(found)))
}

/** `a`: failed, with another attempt to come. */
const STATUSES: Readonly<Record<string, JobDependency['status']>> = {
  p: 'pending',
  a: 'failed',
  x: 'processing',
  k: 'completed',
  f: 'failed',
  c: 'cancelled',
}

function dependency([id, name, jobType, status, output, last]: readonly unknown[]): Found {
  const letter = text(status)
  return {
    dependency: {
      id: integer(id),
      name: name === '' ? null : text(name),
      jobType: jobType === '' ? null : text(jobType),
      status: STATUSES[letter] ?? 'pending',
      output: output === '' ? null : JSON.parse(text(output)),
      error: last === '' ? null : messageOf(JSON.parse(text(last))),
    },
    isFinal: letter === 'f',
  }
}

function messageOf(entry: unknown): string | null {
  const error: unknown = typeof entry === 'object' && entry !== null && 'error' in entry ? entry.error : null
  return isJobError(error) ? error.message : null
}

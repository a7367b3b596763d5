import { randomBytes } from 'node:crypto'
import type { JobQueue } from 'millrace'
import type { Check } from './check.ts'

/** A connection of `pg`, as far as it is needed here. */
interface Session {
  /** What the other end said at the start; a pooler makes it up. */
  readonly processID: number
  query(query: string | { readonly name: string; readonly text: string }): Promise<{ readonly rows: readonly object[] }>
  on(event: 'notification', listener: () => void): unknown
  off(event: 'notification', listener: () => void): unknown
  release(destroy?: boolean): void
}

type Pool = { connect(): Promise<Session> } & ReturnType<JobQueue['getPool']>

/** A notification passes two connections and a server. */
const NOTIFICATION_LIMIT_MS = 2000
/** A statement that the connection, or the one behind it, does not know, or knows already. */
const LOST_NAMES: ReadonlySet<unknown> = new Set(['26000', '42P05'])

/** Whether a pooler in between keeps anything from working. Asked of a server only: an embedded database has none. */
export async function checkPooler(queue: JobQueue, { isMeant }: { readonly isMeant: boolean }): Promise<Check> {
  const name = 'pooler'
  if (isMeant) return { name, ok: true, detail: 'one in transaction mode is meant' }
  const sessions: Session[] = []
  const open = async (): Promise<Session> => {
    const session = await queue.getPool<Pool>().connect()
    sessions.push(session)
    return session
  }
  try {
    const one = await open()
    if (!(await isPooled(one))) return { name, ok: true, detail: 'none in between' }
    const other = await open()
    return judged({ isHeard: await hears(one, other), keepsNames: await keepsStatements([one, other, one]) })
  } catch (error) {
    // What a connection fails for is said elsewhere.
    return { name, ok: true, detail: `not asked: ${error instanceof Error ? error.message : String(error)}` }
  } finally {
    for (const session of sessions) session.release(true)
  }
}

interface Kept {
  readonly isHeard: boolean
  readonly keepsNames: boolean
}

function judged({ isHeard, keepsNames }: Kept): Check {
  const name = 'pooler'
  if (isHeard && keepsNames) return { name, ok: true, detail: 'one in between, which keeps sessions' }
  const lost = [
    ...(isHeard ? [] : ['notifications do not pass']),
    ...(keepsNames ? [] : ['prepared statements are lost']),
  ]
  const cures = [
    ...(isHeard ? [] : ['give workers a URL around it, or `listen: false`']),
    ...(keepsNames ? [] : ['set max_prepared_statements = 200 in PgBouncer 1.21 or later']),
  ]
  const detail = `one in between, in transaction mode: ${lost.join(', ')}`
  return { name, ok: false, detail, next: `${cures.join('; ')}; if that is how it is meant: millrace doctor --pooled` }
}

async function isPooled(session: Session): Promise<boolean> {
  const [row] = (await session.query('select pg_backend_pid() as pid')).rows
  return Object.values(row ?? {})[0] !== session.processID
}

/** Whether what `other` notifies reaches `one`. */
async function hears(one: Session, other: Session): Promise<boolean> {
  const channel = `millrace_doctor_${randomBytes(6).toString('hex')}`
  let hear = (): void => {}
  let timer: NodeJS.Timeout | undefined
  const heard = new Promise<boolean>((resolve) => {
    hear = (): void => resolve(true)
    timer = setTimeout(() => resolve(false), NOTIFICATION_LIMIT_MS)
  })
  one.on('notification', hear)
  try {
    await one.query(`listen ${channel}`)
    await other.query(`notify ${channel}`)
    return await heard
  } finally {
    clearTimeout(timer)
    one.off('notification', hear)
    await one.query(`unlisten ${channel}`)
  }
}

async function keepsStatements(sessions: readonly Session[]): Promise<boolean> {
  const statement = { name: `millrace_doctor_${randomBytes(6).toString('hex')}`, text: 'select 1' }
  try {
    for (const session of sessions) await session.query(statement)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && LOST_NAMES.has(error.code)) return false
    throw error
  }
}

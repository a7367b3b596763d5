/** Five characters, as SQLSTATEs are; Prisma's own codes look the same and are told apart below. */
const SQLSTATE = /^[0-9A-Z]{5}$/

/**
 * The SQLSTATE in an error of any of the libraries here, such as `'40001'`, or `null`: to repeat a transaction that a
 * concurrent one has made impossible, whichever ORM it ran through.
 */
export function sqlStateOf(error: unknown): string | null {
  const prisma = at(error, 'meta', 'driverAdapterError', 'cause', 'originalCode')
  if (isSqlState(prisma)) return prisma
  // Prisma's own code, such as P2010, says nothing of the database's.
  if (at(error, 'clientVersion') !== undefined) return null
  const candidates = [
    at(error, 'cause', 'code'),
    at(error, 'driverError', 'code'),
    at(error, 'original', 'code'),
    at(error, 'code'),
  ]
  return candidates.find(isSqlState) ?? null
}

function isSqlState(value: unknown): value is string {
  return typeof value === 'string' && SQLSTATE.test(value)
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined),
    value,
  )
}

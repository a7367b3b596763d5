export type Row = Readonly<Record<string, unknown>>

/** What can run a statement: a pool, or a transaction. */
export interface Tx {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/** The rows of a statement. */
export async function ask(db: Tx, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
  const { rows } = await db.query(text, [...values])
  return rows.map((row) => ({ ...Object(row) }))
}

/** Its first row, or one without columns. */
export async function askOne(db: Tx, text: string, values: readonly unknown[] = []): Promise<Row> {
  const [row] = await ask(db, text, values)
  return row ?? {}
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** A count, however the driver gives it. */
export function count(value: unknown): number {
  return Number(value ?? 0)
}

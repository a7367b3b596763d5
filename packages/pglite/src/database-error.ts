/**
 * What PostgreSQL reported, with the fields and names that node-postgres gives its errors, so that one table of SQLSTATEs
 * serves both.
 */
export class DatabaseError extends Error {
  override readonly name: string = 'error'
  /** The SQLSTATE, five characters. */
  readonly code: string
  readonly severity: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly position: string | undefined
  readonly where: string | undefined
  readonly schema: string | undefined
  readonly table: string | undefined
  readonly column: string | undefined
  readonly constraint: string | undefined
  readonly routine: string | undefined

  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get('M') ?? 'PostgreSQL reported an error without a message')
    this.code = fields.get('C') ?? 'XX000'
    this.severity = fields.get('V') ?? fields.get('S') ?? 'ERROR'
    this.detail = fields.get('D')
    this.hint = fields.get('H')
    this.position = fields.get('P')
    this.where = fields.get('W')
    this.schema = fields.get('s')
    this.table = fields.get('t')
    this.column = fields.get('c')
    this.constraint = fields.get('n')
    this.routine = fields.get('R')
  }
}

/** An error of the fields of an ErrorResponse, by their one-letter names. */
export function errorFromFields(fields: ReadonlyMap<string, string>): DatabaseError {
  return new DatabaseError(fields)
}

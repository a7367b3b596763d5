import { validateSchemaName } from './search-path.ts'

/** Whom `grantStatements` are for. */
export interface GrantOptions {
  /** The schema of the instance. */
  readonly schema: string
  /** The role that adds and works jobs. It needs no right to create anything. */
  readonly role: string
  /** The role that migrates: what its later migrations add is granted too. Absent: run the statements again after them. */
  readonly owner?: string
}

/**
 * The statements that let `role` use an instance and change nothing of it, to be run by the schema's owner. All of them
 * are needed, and nothing else.
 *
 * @throws MillraceError `CONFIG_INVALID` if `schema` cannot be the name of an instance.
 */
export function grantStatements({ schema, role, owner }: GrantOptions): readonly string[] {
  const place = quoted(validateSchemaName(schema))
  const to = quoted(role)
  const later = owner === undefined ? null : `alter default privileges for role ${quoted(owner)} in schema ${place}`
  return [
    `grant usage on schema ${place} to ${to}`,
    `grant select, insert, update, delete on all tables in schema ${place} to ${to}`,
    `revoke insert, update, delete on ${place}.migrations, ${place}.tenant_roles from ${to}`,
    // To draw from them, and to tell an id that was drawn from one that never was.
    `grant usage, select on all sequences in schema ${place} to ${to}`,
    // Those with the owner's rights, which may drop days of history, are nobody else's.
    `grant execute on all functions in schema ${place} to ${to}`,
    ...(later === null
      ? []
      : [
          `${later} grant select, insert, update, delete on tables to ${to}`,
          `${later} grant usage, select on sequences to ${to}`,
          `${later} grant execute on functions to ${to}`,
        ]),
  ]
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** Brings what is stored into the shape of this version. */
export interface MigrateStore {
  /** Brings the schema up to this version, or with `'check'` fails with a typed error that says what is missing. */
  migrate(options: { readonly mode: 'auto' | 'check' }): Promise<{ readonly applied: readonly string[] }>
}

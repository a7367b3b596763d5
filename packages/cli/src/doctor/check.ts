/** What one look at one thing found. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do about it; only of a finding. */
  readonly next?: string
  /** What `--fix` does about it: nothing that loses anything, or that the next start would not do as well. */
  readonly fix?: Fix
}

export interface Fix {
  /** In the past: it is printed once it is done. */
  readonly what: string
  apply(): Promise<void>
}

/** A finding for each of `found`, at most a few of them named; fine without any. */
export function noneOf(
  found: readonly string[],
  names: Pick<Check, 'name'> & { readonly fine: string; readonly what: string },
): Check {
  const { name, fine, what } = names
  if (found.length === 0) return { name, ok: true, detail: fine }
  const more = found.length > LISTED ? ' …' : ''
  return { name, ok: false, detail: `${found.length} ${what}: ${found.slice(0, LISTED).join(', ')}${more}` }
}

const LISTED = 5

/** The text of a search for jobs, as `parseJobQuery` reads it on the server. */

/** What the address of a list of jobs asks for: its query, and what links name beside it. */
export function queryIn(params: URLSearchParams): string {
  const terms = [params.get('q')?.trim() ?? '', ...statusTerms(params)]
  const add = (name: string, value: string | null): void => void (value && terms.push(`${name}:${quoted(value)}`))
  add('type', params.get('jobType'))
  for (const tag of (params.get('tag') ?? '').split(',')) add('tag', tag.trim())
  add('group', params.get('groupId'))
  add('tenant', params.get('tenantId'))
  add('priority', params.get('priority'))
  if (params.has('createdAfter')) terms.push(`created:>=${params.get('createdAfter')}`)
  if (params.has('createdBefore')) terms.push(`created:<${params.get('createdBefore')}`)
  return terms.filter((term) => term !== '').join(' ')
}

function statusTerms(params: URLSearchParams): string[] {
  const [status, final] = [params.get('status') ?? '', params.get('final')]
  if (status === 'failed' && final !== null) return [final === 'true' ? 'is:dead' : 'is:retrying']
  return status === '' ? [] : [`status:${status}`]
}

function quoted(value: string): string {
  return /^[\w.@/+-]+$/.test(value) ? value : JSON.stringify(value)
}

/** In quotes a space ends nothing. */
const TERMS = /(?:"(?:[^"\\]|\\.)*"?|[^\s"])+/g
const STATUS = /^(?:status|is):/i

/** The states it names; empty: any. */
export function statusesIn(query: string): readonly string[] {
  const term = query.match(TERMS)?.find((one) => STATUS.test(one)) ?? ''
  if (/^is:/i.test(term)) return ['failed']
  return term === '' ? [] : term.slice('status:'.length).split(',')
}

/** The same, of one state in place of those it names; of any for `''`. */
export function withStatus(query: string, status: string): string {
  const rest = (query.match(TERMS) ?? []).filter((term) => !STATUS.test(term))
  return [...(status === '' ? [] : [`status:${status}`]), ...rest].join(' ')
}

const MOST = 12
const NAMES = ['status:', 'is:dead', 'is:retrying', 'type:', 'tag:', '-tag:', 'group:', 'tenant:', 'priority:', 'id:']
const TIMES = ['created:>-1h', 'created:>-1d', 'due:<+1h']

/** What the last term may be meant to become, each with all that stands before it. */
export function completions(
  query: string,
  known: { readonly statuses: readonly string[]; readonly types: readonly string[] },
): string[] {
  const [, before = '', term = ''] = /^(.*?)(\S*)$/s.exec(query) ?? []
  const all = [
    ...NAMES,
    ...TIMES,
    ...known.statuses.map((status) => `status:${status}`),
    ...known.types.map((type) => `type:${quoted(type)}`),
  ]
  const found = all.filter((one) => one.startsWith(term) && one !== term)
  return found.slice(0, MOST).map((one) => `${before}${one}`)
}

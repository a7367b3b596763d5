import type { Settlement, SettleResult, SettleStore } from '../store/settle.ts'
import { jobsJson } from './enqueue.ts'
import { REPEATED } from './executor.ts'
import { attemptKey, attemptKeys } from './rows.ts'
import type { Database } from './schema.ts'

export function settleVerbs(db: Database): SettleStore {
  return {
    async settle({ settlements, keepCompleted }) {
      const { ids, tokens, others } = settlementArguments(settlements)
      const lost = await db.value(
        'select coalesce(case when cardinality($1::bigint[]) > 0 then :schema.settle_completed($1::bigint[], $2::bigint[], $4::boolean) end, ' +
          "'{}') || coalesce(case when $3::jsonb is not null then :schema.settle_others($3::jsonb, $4::boolean) end, '{}')",
        [ids, tokens, others, keepCompleted],
        REPEATED,
      )
      return settleResults(settlements, lost)
    },
    async report({ reports }) {
      const lost = await db.value(
        'select :schema.report($1::jsonb)',
        [
          `[${reports
            .map(
              ({ id, token, progress, output, prolongedMs }) =>
                `{"id":${id},"token":${token},"progress":${progress ?? null},"prolonged_ms":${prolongedMs ?? null}` +
                `${output === undefined ? '' : `,"output":${output}`}}`,
            )
            .join(',')}]`,
        ],
        REPEATED,
      )
      return settleResults(reports, lost)
    },
  }
}

/** Result of each attempt, in order, from what a settling function answers; nothing means that none was lost. */
export function settleResults(
  asked: readonly { readonly id: number; readonly token: number }[],
  answer: unknown,
): readonly SettleResult[] {
  const lost = attemptKeys(answer)
  return asked.map((attempt) => (lost.size > 0 && lost.has(attemptKey(attempt)) ? 'lost' : 'settled'))
}

/**
 * Settlements as the SQL functions take them: plain completions, which are most, as two arrays; the rest as one JSON
 * text. Outputs are JSON already and are not parsed again.
 */
export function settlementArguments(settlements: readonly Settlement[]): {
  readonly ids: readonly number[]
  readonly tokens: readonly number[]
  readonly others: string | null
} {
  const ids: number[] = []
  const tokens: number[] = []
  const others: string[] = []
  for (const settlement of settlements) {
    if (settlement.kind === 'completed' && isPlain(settlement)) {
      ids.push(settlement.id)
      tokens.push(settlement.token)
    } else {
      others.push(settlementJson(settlement))
    }
  }
  return { ids, tokens, others: others.length === 0 ? null : `[${others.join(',')}]` }
}

function settlementJson(settlement: Settlement): string {
  const attempt = `"id":${settlement.id},"token":${settlement.token},"kind":"${settlement.kind}"`
  switch (settlement.kind) {
    case 'completed':
      return `{${attempt}${completionJson(settlement)}}`
    case 'retry':
      return `{${attempt},"delay_ms":${settlement.delayMs},"reason":"${settlement.reason}","error":${JSON.stringify(settlement.error)}}`
    case 'failed':
      return `{${attempt},"reason":"${settlement.reason}","error":${JSON.stringify(settlement.error)}}`
    case 'snoozed':
      return `{${attempt},"delay_ms":${settlement.delayMs}}`
    case 'waiting':
      return `{${attempt},"waits":${JSON.stringify(settlement.waits)}}`
    case 'released':
      return `{${attempt}${settlement.isUnstarted === true ? ',"unstarted":true' : ''}}`
    case 'cancelled':
      return `{${attempt}}`
  }
}

type Completion = Extract<Settlement, { kind: 'completed' }>

function isPlain({ output, hasSteps, children }: Completion): boolean {
  return output === undefined && hasSteps === undefined && children === undefined
}

/** What a completion brings beyond the fact, as fields of a JSON object. */
export function completionJson({ output, hasSteps, children }: Omit<Completion, 'id' | 'token' | 'kind'>): string {
  return (
    (output === undefined ? '' : `,"output":${output}`) +
    (hasSteps === undefined ? '' : ',"steps":true') +
    (children === undefined ? '' : `,"children":${jobsJson(children)}`)
  )
}

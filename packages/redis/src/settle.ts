import type { Settlement, SettleResult, SettleStore } from 'millrace/store'
import { jobArguments } from './enqueue.ts'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { list, text } from './replies.ts'

export function settleVerbs(instance: RedisInstance): SettleStore {
  return {
    async settle({ settlements, keepCompleted }) {
      const lost = await instance.run(scripts.settle, [keepCompleted ? 1 : 0, ...settlementArguments(settlements)])
      return settleResults(settlements, lost)
    },
    async report({ reports }) {
      const args = reports.flatMap(({ id, token, progress, output, prolongedMs }) => [
        id,
        token,
        progress ?? '',
        output ?? '',
        prolongedMs ?? '',
      ])
      return settleResults(reports, await instance.run(scripts.report, args))
    },
  }
}

/** Results in the order asked, from the attempts that were lost. */
export function settleResults(
  asked: readonly { readonly id: number; readonly token: number }[],
  answer: unknown,
): readonly SettleResult[] {
  const flat = list(answer)
  const lost = new Set<string>()
  for (let at = 0; at < flat.length; at += 2) lost.add(`${text(flat[at])}:${text(flat[at + 1])}`)
  return asked.map(({ id, token }) => (lost.has(`${id}:${token}`) ? 'lost' : 'settled'))
}

/** Settlements as the scripts take them: completions without children, which are most, first. */
export function settlementArguments(settlements: readonly Settlement[]): Argument[] {
  const plain: Argument[] = []
  const others: Argument[] = []
  let count = 0
  for (const settlement of settlements) {
    if (settlement.kind === 'completed' && settlement.children === undefined) {
      plain.push(settlement.id, settlement.token, settlement.output ?? '')
    } else {
      others.push(...otherArguments(settlement))
      count++
    }
  }
  return [plain.length / 3, ...plain, count, ...others]
}

/** id, token, kind; delay, error, message, reason, output, unstarted; children and waits, each after their number. */
function otherArguments(settlement: Settlement): Argument[] {
  const { id, token, kind } = settlement
  switch (kind) {
    case 'completed': {
      const { output = '', children = [] } = settlement
      const jobs = children.flatMap(jobArguments)
      return [id, token, kind, '', '', '', '', output, '', children.length, ...jobs, 0]
    }
    case 'retry':
    case 'failed': {
      const { error, reason } = settlement
      const delay = kind === 'retry' ? settlement.delayMs : ''
      return [id, token, kind, delay, JSON.stringify(error), JSON.stringify(error.message), reason, '', '', 0, 0]
    }
    case 'snoozed':
      return [id, token, kind, settlement.delayMs, '', '', '', '', '', 0, 0]
    case 'released':
      return [id, token, kind, '', '', '', '', '', settlement.isUnstarted === true ? 1 : '', 0, 0]
    case 'waiting':
      return [id, token, kind, '', '', '', '', '', '', 0, settlement.waits.length, ...settlement.waits]
    case 'cancelled':
      return [id, token, kind, '', '', '', '', '', '', 0, 0]
  }
}

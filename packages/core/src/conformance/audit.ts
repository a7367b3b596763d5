import { check, equal } from './assert.ts'
import type { Bench } from './bench.ts'
import type { ConformanceCase } from './case.ts'

async function begin(t: Bench, action: string): Promise<number> {
  return t.store.beginAudit({ actor: 'ann', action, target: JSON.stringify({ id: 1 }) })
}

async function actions(t: Bench, limit = 100, before: number | null = null): Promise<string[]> {
  return (await t.store.listAudit({ before, limit })).map(({ action }) => action)
}

export const auditCases: readonly ConformanceCase[] = [
  {
    name: 'an entry of the audit is there before it is known how it went, and says then who did what to what, and how that went',
    async run(t) {
      const id = await begin(t, 'cancelJob')
      const [open] = await t.store.listAudit({ before: null, limit: 10 })
      check(open !== undefined, 'the entry is listed')
      check(Math.abs(open.at.getTime() - (await t.store.storeTime()).getTime()) < 60_000, 'it says when')
      const told = { id, at: open.at, actor: 'ann', action: 'cancelJob', target: { id: 1 } }
      equal(open, { ...told, outcome: 'open', result: null })
      await t.store.endAudit({ id, outcome: 'done', result: '"changed"' })
      equal(await t.store.listAudit({ before: null, limit: 10 }), [{ ...told, outcome: 'done', result: 'changed' }])
      // A repeated call, or one that comes late.
      await t.store.endAudit({ id, outcome: 'failed', result: '"Error"' })
      equal(await t.store.listAudit({ before: null, limit: 10 }), [{ ...told, outcome: 'done', result: 'changed' }])
    },
  },
  {
    name: 'the audit is listed newest first, page by page',
    async run(t) {
      equal(await actions(t), [])
      await begin(t, 'a')
      const second = await begin(t, 'b')
      const third = await begin(t, 'c')
      await t.store.endAudit({ id: second, outcome: 'failed', result: '"OPTION_INVALID"' })
      equal(await actions(t), ['c', 'b', 'a'])
      equal(await actions(t, 2), ['c', 'b'])
      equal(await actions(t, 2, third), ['b', 'a'])
      const [failed] = await t.store.listAudit({ before: third, limit: 1 })
      equal([failed?.outcome, failed?.result], ['failed', 'OPTION_INVALID'])
    },
  },
  {
    name: 'the target of an entry of the audit may hold what no job may',
    async run(t) {
      const target = { filters: { tags: ['\0', '\ud800', 'Grüße'] } }
      await t.store.beginAudit({ actor: 'Ann Ö', action: 'redrive', target: JSON.stringify(target) })
      const [entry] = await t.store.listAudit({ before: null, limit: 1 })
      equal([entry?.actor, entry?.target], ['Ann Ö', target])
    },
  },
]

import type { ScheduleDefinition } from '../store/schedule.ts'
import { check, equal, rejectsWith } from './assert.ts'
import type { ConformanceCase } from './case.ts'
import { addSchedule, DEFINITION } from './schedules.ts'

const HOUR_MS = 3_600_000

export const declaredScheduleCases: readonly ConformanceCase[] = [
  {
    name: 'what one owner declares becomes what is there: added, edited, removed, and a pause stays',
    async run(t) {
      const soon = new Date(Date.now() + HOUR_MS)
      const declare = (name: string, more: Partial<ScheduleDefinition> = {}) => {
        return { ...DEFINITION, ...more, name, tenantId: null, nextRunAt: soon }
      }
      const reconcile = (...names: readonly ReturnType<typeof declare>[]) =>
        t.store.reconcileSchedules({ owner: 'app', declared: names })
      equal<unknown>(await reconcile(declare('b'), declare('a')), { added: ['a', 'b'], edited: [], removed: [] })
      equal<unknown>(await reconcile(declare('b'), declare('a')), { added: [], edited: [], removed: [] })
      const a = await t.store.getSchedule({ name: 'a', tenantId: null })
      check(a !== null && (await t.store.pauseSchedule(a)), 'a pause')
      await addSchedule(t, 'c')
      const later = new Date(Date.now() + 2 * HOUR_MS)
      equal<unknown>(
        await reconcile({ ...declare('a', { jitterMs: 5 }), nextRunAt: later }, { ...declare('c'), nextRunAt: later }),
        { added: [], edited: ['a', 'c'], removed: ['b'] },
      )
      const after = await t.store.getSchedule({ name: 'a', tenantId: null })
      equal<unknown>([after?.status, after?.jitterMs, after?.nextRunAt], ['paused', 5, soon])
      const rule = { kind: 'every', everyMs: 1000, anchorMs: 0 } as const
      await reconcile({ ...declare('a', { rule }), nextRunAt: later })
      const moved = await t.store.getSchedule({ name: 'a', tenantId: null })
      equal<unknown>([moved?.rule, moved?.nextRunAt], [rule, later])
      equal<unknown>(await reconcile(declare('a', { rule: { ...rule, anchorMs: 7 } })), {
        added: [],
        edited: [],
        removed: [],
      })
    },
  },
  {
    name: 'the schedules of one owner are no other owner’s to declare or to remove',
    async run(t) {
      const declared = (name: string) => ({ ...DEFINITION, name, tenantId: null, nextRunAt: null })
      await t.store.reconcileSchedules({ owner: 'one', declared: [declared('a')] })
      await rejectsWith(
        t.store.reconcileSchedules({ owner: 'two', declared: [declared('b'), declared('a')] }),
        'OPTION_INVALID',
      )
      equal(await t.store.getSchedule({ name: 'b', tenantId: null }), null)
      await t.store.reconcileSchedules({ owner: 'two', declared: [] })
      equal((await t.store.listSchedules({})).length, 1)
    },
  },
  {
    name: 'reconciliations at the same time end as one of them',
    async run(t) {
      const all = ['d', 'a', 'c', 'b'].map((name) => ({ ...DEFINITION, name, tenantId: null, nextRunAt: null }))
      await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          t.store.reconcileSchedules({ owner: 'app', declared: n % 2 === 0 ? all : all.toReversed() }),
        ),
      )
      equal((await t.store.listSchedules({})).map(({ name, revision }) => `${name}${revision}`).toSorted(), [
        'a1',
        'b1',
        'c1',
        'd1',
      ])
    },
  },
]

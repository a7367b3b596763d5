import { check, equal, rejectsWith } from './assert.ts'
import type { ConformanceCase } from './case.ts'

export const migrateCases: readonly ConformanceCase[] = [
  {
    name: 'a schema that is up to date has nothing to apply, and passes the check',
    async run(t) {
      equal([...(await t.store.migrate({ mode: 'auto' })).applied], [])
      equal([...(await t.store.migrate({ mode: 'check' })).applied], [])
    },
  },
  {
    name: 'a check of a schema that is missing says so and makes nothing',
    async run(t) {
      await t.target.uninstall()
      await rejectsWith(t.store.migrate({ mode: 'check' }), 'SCHEMA_MISSING')
      await rejectsWith(t.store.migrate({ mode: 'check' }), 'SCHEMA_MISSING')
      check((await t.store.migrate({ mode: 'auto' })).applied.length > 0, 'auto makes it')
      await t.store.migrate({ mode: 'check' })
      equal((await t.store.getJob({ id: await t.add() }))?.status, 'pending')
    },
  },
  {
    name: 'of twenty processes that migrate at the same time all end with a working schema',
    async run(t) {
      await t.target.uninstall()
      const stores = await Promise.all(Array.from({ length: 20 }, () => t.target.openAnother()))
      try {
        await Promise.all(stores.map((store) => store.migrate({ mode: 'auto' })))
        for (const store of stores) equal([...(await store.migrate({ mode: 'check' })).applied], [])
      } finally {
        await Promise.all(stores.map((store) => store.close()))
      }
      equal((await t.job(await t.add())).status, 'pending')
    },
  },
  {
    name: 'migrating keeps the jobs that are there',
    async run(t) {
      const id = await t.add({ payload: '"kept"' })
      const another = await t.target.openAnother()
      try {
        await another.migrate({ mode: 'auto' })
        equal((await another.getJob({ id }))?.payload as unknown, 'kept')
      } finally {
        await another.close()
      }
    },
  },
]

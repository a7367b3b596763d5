import type { Redis } from 'ioredis'
import type { Store } from 'millrace/store'
import type { ModelTarget, Stored } from '../../../core/test/support/model-target.ts'

/** How a model looks at and moves what an instance stores; `tag` is its prefix in braces. */
export function modelHooks(admin: Redis, tag: string, store: Store): Pick<ModelTarget, 'stored' | 'passHours'> {
  return {
    async stored() {
      const [impossible, answer] = await Promise.all([store.checkInvariants(), admin.eval(STORED, 1, tag)])
      const { live, keyed, groupLimit, workers } = JSON.parse(String(answer)) as Answer
      return {
        live: Object.fromEntries(live.map(([id, lane, seq, token, worker]) => [id, { lane, seq, token, worker }])),
        keyed: keyed.toSorted((a, b) => a - b),
        groupLimit: groupLimit ?? null,
        workers: workers.toSorted((a, b) => a - b),
        impossible: impossible.map(({ invariant, detail }) => `${invariant}: ${detail}`),
      }
    },
    async passHours(hours) {
      await admin.eval(PASSING, 1, tag, hours * 3_600_000)
    },
  }
}

interface Answer extends Pick<Stored, 'keyed' | 'workers'> {
  readonly live: readonly (readonly [string, string, number, number | null, number | null])[]
  readonly groupLimit?: number
}

/** Numbers are drawn from one on, and stay small enough for the doubles of Lua's JSON. */
const STORED = `
local P, call = KEYS[1], redis.call
local live, keyed, workers = {}, {}, {}
for _, key in ipairs(call('KEYS', P .. 'j:*')) do
  local f = call('HMGET', key, 'l', 's', 'tok', 'w')
  local id = string.match(key, '%d+$')
  if f[1] ~= 'k' and f[1] ~= 'f' and f[1] ~= 'c' then
    live[#live + 1] = { id, f[1], tonumber(f[2] or id), tonumber(f[3] or nil) or cjson.null, tonumber(f[4] or nil) or cjson.null }
  end
end
for _, id in ipairs(call('HVALS', P .. 'keys')) do keyed[#keyed + 1] = tonumber(id) end
for _, id in ipairs(call('ZRANGE', P .. 'wx', 0, -1)) do workers[#workers + 1] = tonumber(id) end
local function list(values) return #values == 0 and '[]' or cjson.encode(values) end
local limit = call('HGET', P .. 'meta', 'limit')
return '{"live":' .. list(live) .. ',"keyed":' .. list(keyed) .. ',"workers":' .. list(workers)
  .. (limit and ',"groupLimit":' .. limit or '') .. '}'`

/** Every point in time that jobs and workers have. */
const PASSING = `
local P, call, ms = KEYS[1], redis.call, tonumber(ARGV[1])
local function whole(number) return string.format('%.0f', number) end
local function move(pattern, fields)
  for _, key in ipairs(call('KEYS', P .. pattern)) do
    for _, field in ipairs(fields) do
      local at = call('HGET', key, field)
      if at then call('HSET', key, field, whole(at - ms)) end
    end
  end
end
move('j:*', { 'c', 'run', 'na', 'cl', 'st', 'fin', 'lf', 'lr', 'lc', 'ch', 'dla', 'cq' })
move('w:*', { 'startedAt', 'lastSeenAt' })
for _, name in ipairs({ 'due', 'wx', 'ws', 'gw', 'ended:f', 'ended:c' }) do
  for _, member in ipairs(call('ZRANGE', P .. name, 0, -1)) do call('ZINCRBY', P .. name, -ms, member) end
end
for _, key in ipairs(call('KEYS', P .. 'g:*')) do
  for n, text in ipairs(call('LRANGE', key, 0, -1)) do
    call('LSET', key, n - 1, (string.gsub(text, '("[%a]*[aA]t":)(%d+)', function(name, at) return name .. whole(at - ms) end)))
  end
end
return 1`

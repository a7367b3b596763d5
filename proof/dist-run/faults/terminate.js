import { repeat } from './repeat.js'
/** `pg_terminate_backend` of one random connection at a time, five to fifteen a second, whatever it is doing. */
export const terminate = {
  name: 'terminate',
  kind: 'event',
  effect: 'connection',
  place: 'server',
  weight: 2,
  holdMs: () => [1500, 4000],
  inject: ({ database, random }) => repeat(() => database.terminateOne(random.next()), 1000 / random.integer(5, 15)),
}
//# sourceMappingURL=terminate.js.map

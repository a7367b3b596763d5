/** Somebody holds the table of live jobs under an exclusive lock. */
export const lockedTable = {
  name: 'locked-table',
  kind: 'event',
  effect: 'cut',
  place: 'server',
  holdMs: () => [2000, 10_000],
  inject: ({ database }) => database.lockJobs(),
}
/** Every place for a connection that comes free is taken by somebody else: 53300 for everyone. */
export const fullServer = {
  name: 'full-server',
  kind: 'event',
  effect: 'refuse',
  place: 'server',
  holdMs: () => [2000, 5000],
  inject: ({ database }) => database.takeAllConnections(),
}
//# sourceMappingURL=busy-server.js.map

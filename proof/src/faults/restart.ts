import type { ServerFault } from './fault.ts'

/** The server is shut down as a careful operator would, and started again. */
export const restartFast: ServerFault = {
  name: 'restart-fast',
  kind: 'event',
  effect: 'server',
  place: 'server',
  holdMs: () => [0, 0],
  inject: ({ database, random }) => database.restart('fast', random.integer(0, 1500)),
}

/** The server stops without a checkpoint and recovers from its log. */
export const restartImmediate: ServerFault = {
  name: 'restart-immediate',
  kind: 'event',
  effect: 'server',
  place: 'server',
  holdMs: () => [0, 0],
  inject: ({ database, random }) => database.restart('immediate', random.integer(0, 1500)),
}

/** SIGKILL of one backend: the postmaster ends all others, and the server recovers as after a crash. */
export const killBackend: ServerFault = {
  name: 'backend-kill',
  kind: 'event',
  effect: 'server',
  place: 'server',
  holdMs: () => [0, 0],
  inject: ({ database, random }) => database.crashOne(random.next()),
}

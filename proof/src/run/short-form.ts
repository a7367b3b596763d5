/** One run of the short form: arguments as the command line takes them. */
export type ShortRun = readonly string[]

/**
 * What a change has to pass: about two minutes on two cores, with nothing installed but what npm brings. Faults of all kinds
 * mixed, then the conditions that change the most.
 */
export const SHORT_FORM: readonly ShortRun[] = [
  [
    '--seed=1',
    '--minutes=0.6',
    '--faults=sigkill,sigkill-producer,sigstop,sigstop-short,sigterm,terminate,lost-reply,cut,partition,restart-fast,restart-immediate,backend-kill',
  ],
  [
    '--seed=2',
    '--minutes=0.4',
    '--faults=pool-of-one,abuse,blocked-loop,last-attempt,locked-table,full-server,latency,throttle,failover',
  ],
]

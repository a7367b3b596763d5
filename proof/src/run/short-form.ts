/** One run of the short form: arguments as the command line takes them. */
export type ShortRun = readonly string[]

/**
 * What a change has to pass: about two and a half minutes on two cores. Faults of all kinds mixed, then the conditions that change the
 * most, with nothing installed but what npm brings; then the same on Redis, if it is installed.
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
  [
    '--store=redis',
    '--seed=1',
    '--minutes=0.25',
    '--faults=sigkill,sigstop,lost-reply,cut,script-flush,client-kill,redis-kill,redis-oom',
  ],
]

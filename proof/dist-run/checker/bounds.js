/** A handler that lost its lease is told within this, once its process can run and reach the database. */
export const TELL_MS = 3_000
/** Work goes on within this after the server is back. */
export const RESUME_MS = 5_000
/** A connection that has died in silence is noticed within this; no call waits longer. */
export const NOTICE_MS = 60_000
/** After an outage a worker may need this long for its next sign of life. */
export const RECONNECT_MS = 1_000
export function boundsOf(params) {
  const beatMs = params.beatMs ?? params.leaseMs / 3
  return {
    ...params,
    beatMs,
    slackMs: params.slackMs ?? 300,
    settleMs: params.settleMs ?? 2_000,
    silenceMs: Math.max(0, params.leaseMs - beatMs - RECONNECT_MS),
  }
}
//# sourceMappingURL=bounds.js.map

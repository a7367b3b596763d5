/** Runs a scenario: its participants in turn within each round, so that what disturbs one disturbs its neighbours too. */

/**
 * @param {import('../scenarios/index.mjs').Scenario} scenario
 * @param {import('../scenarios/index.mjs').Context} context
 * @param {{ rounds: number; participants: import('../scenarios/index.mjs').Participant[]; say: (text: string) => void }} options
 * @returns {Promise<import('./stats.mjs').Samples>}
 */
export async function runRounds(scenario, context, { rounds, participants, say }) {
  /** @type {{ id: string; state: any }[]} */
  const open = []
  /** @type {import('./stats.mjs').Samples} */
  const samples = Object.fromEntries(participants.map(({ id }) => [id, []]))
  try {
    for (const participant of participants) {
      say(`${scenario.name}: preparing ${participant.id}`)
      open.push({ id: participant.id, state: await scenario.open(participant, context) })
    }
    for (let round = 1; round <= rounds; round++) {
      // To and fro: neighbours stay neighbours, and neither is always the first.
      const order = round % 2 === 1 ? open : open.toReversed()
      for (const { id, state } of order) {
        say(`${scenario.name}: round ${round} of ${rounds}, ${id}`)
        samples[id]?.push(await scenario.measure(state, context))
      }
    }
  } finally {
    for (const { state } of open) await scenario.close(state, context)
  }
  return samples
}

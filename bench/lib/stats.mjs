/** Middle values and quantiles. Everything here is pure. */

/** @param {readonly number[]} values @returns {number} NaN for none. */
export function median(values) {
  return quantile(values, 0.5)
}

/**
 * Linear interpolation between the two nearest values.
 *
 * @param {ArrayLike<number>} values
 * @param {number} q - 0 to 1.
 * @returns {number} NaN for none.
 */
export function quantile(values, q) {
  const sorted = Float64Array.from(values).sort()
  if (sorted.length === 0) return Number.NaN
  const place = (sorted.length - 1) * q
  const low = sorted[Math.floor(place)] ?? Number.NaN
  const high = sorted[Math.ceil(place)] ?? low
  return low + (high - low) * (place - Math.floor(place))
}

/**
 * @typedef {Record<string, number>} Sample - What one measurement of one participant yields.
 * @typedef {Record<string, Sample[]>} Samples - By participant, in the order of the rounds.
 */

/**
 * Median over the runs of one participant.
 *
 * @param {Samples} samples
 * @param {string} participant
 * @param {string} key
 */
export function middle(samples, participant, key) {
  return median((samples[participant] ?? []).map((sample) => sample[key] ?? Number.NaN).filter(Number.isFinite))
}

/**
 * Median over the rounds of `a`'s value divided by `b`'s in the same round: what disturbs one round disturbs both.
 *
 * @param {Samples} samples
 * @param {string} a
 * @param {string} b
 * @param {string} key
 */
export function pairedRatio(samples, a, b, key) {
  const over = samples[b] ?? []
  const ratios = (samples[a] ?? []).map((sample, i) => (sample[key] ?? Number.NaN) / (over[i]?.[key] ?? Number.NaN))
  return median(ratios.filter(Number.isFinite))
}

/**
 * @typedef {object} Bar
 * @property {string} claim
 * @property {number} value
 * @property {number} limit
 * @property {'>=' | '<='} sense
 * @property {boolean | undefined} met - Undefined if something it needs was not measured.
 */

/** @param {string} claim @param {number} value @param {number} limit @returns {Bar} */
export function atLeast(claim, value, limit) {
  return { claim, value, limit, sense: '>=', met: verdict(value, limit, value >= limit) }
}

/** @param {string} claim @param {number} value @param {number} limit @returns {Bar} */
export function atMost(claim, value, limit) {
  return { claim, value, limit, sense: '<=', met: verdict(value, limit, value <= limit) }
}

/** @param {number} value @param {number} limit @param {boolean} met */
function verdict(value, limit, met) {
  return Number.isFinite(value) && Number.isFinite(limit) ? met : undefined
}

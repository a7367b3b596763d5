export { instrumentQueue } from './instrument.ts'
export type { InstrumentOptions } from './options.ts'

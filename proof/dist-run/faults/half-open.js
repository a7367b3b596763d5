import { oneWorker } from './fault.js'
/**
 * The network forgets the connections that one worker has: no bytes pass any more and nobody is told. New connections work.
 * There is nothing to heal: the worker must notice by itself. It lasts as long as a statement may take.
 */
export const halfOpen = {
  name: 'half-open',
  kind: 'event',
  effect: 'cut',
  isSilent: true,
  place: 'network',
  weight: 0.5,
  holdMs: () => [33_000, 35_000],
  victims: oneWorker,
  inject: (_site, victims) => victims.forEach(({ proxy }) => proxy.silence()),
}
//# sourceMappingURL=half-open.js.map

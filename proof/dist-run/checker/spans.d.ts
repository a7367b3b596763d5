/** A stretch of time, ends included. */
export interface Span {
  readonly from: number
  readonly to: number
}
/** Stretches of time in order and apart from each other, searched by halving. */
export declare class Spans {
  #private
  readonly all: readonly Span[]
  /** @param bridge - Stretches no further apart than this count as one. */
  constructor(spans: readonly Span[], bridge?: number)
  intersects(from: number, to: number): boolean
  /** Those that touch the window, whole. */
  within(from: number, to: number): readonly Span[]
  /** The first moment from `at` on that begins a stretch of `length` free of all of them. */
  firstFree(at: number, length: number): number
}
//# sourceMappingURL=spans.d.ts.map

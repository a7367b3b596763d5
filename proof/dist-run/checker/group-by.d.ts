/** `Map.groupBy`, which Node 20 does not have. Items without a key are left out. */
export declare function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K | undefined): Map<K, T[]>
//# sourceMappingURL=group-by.d.ts.map

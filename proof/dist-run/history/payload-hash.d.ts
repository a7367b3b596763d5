/**
 * Hash of a JSON value by content: equal for values that are deep-equal after a JSON round trip, whatever the order of
 * their keys (jsonb keeps none). 128 bits, in base64url.
 */
export declare function payloadHash(value: unknown): string
//# sourceMappingURL=payload-hash.d.ts.map

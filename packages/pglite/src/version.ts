/** The PGlite this package is built and tested with; pinned exactly in `package.json`, because its files may change with any release. */
export const PGLITE_VERSION = '0.5.16'

/** The PostgreSQL major version inside that PGlite; a data directory of another one cannot be opened. */
export const POSTGRES_MAJOR = '18'

/** What two processes must share to work on one data directory; raised when a message of `protocol.ts` changes. */
export const PROTOCOL_VERSION = 1

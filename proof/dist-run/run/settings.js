export function defaultSettings(options) {
  return {
    ...options,
    // Connections few enough to be used up by a fault. Durability is as a user has it.
    server: { max_connections: 60, superuser_reserved_connections: 5 },
    role: {},
    poolSize: 4,
    leastPrivilege: false,
    pooler: false,
    smallDisk: false,
    clockSkewSeconds: [],
    load: { lastAttempt: false, blocked: false, abuse: false },
  }
}
//# sourceMappingURL=settings.js.map

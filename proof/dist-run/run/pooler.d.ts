import type { ProxyTarget } from './proxy.ts'
/** PgBouncer in transaction mode before the run's database. */
export declare class Pooler {
  #private
  readonly target: ProxyTarget
  private constructor()
  static start(parent: string, server: ProxyTarget): Promise<Pooler>
  retarget(server: ProxyTarget): Promise<void>
  stop(): Promise<void>
}
//# sourceMappingURL=pooler.d.ts.map

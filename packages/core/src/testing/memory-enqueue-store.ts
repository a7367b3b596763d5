import type { EnqueueOptions, EnqueueResult, EnqueueStore, NewJob } from '../store/enqueue.ts'

/** The contract of `EnqueueStore` in memory, with gates and faults that a test sets. */
export class MemoryStore implements EnqueueStore {
  parallelism: number = 4
  sleepers: boolean = false
  readonly jobs: Map<number, NewJob & { nonce?: number }> = new Map()
  readonly statements: (readonly NewJob[])[] = []
  readonly wakes: (readonly number[])[] = []
  lookups: number = 0
  /** Awaited by every statement before it takes effect. */
  gate: Promise<void> = Promise.resolve()
  /** Throws before a statement takes effect. */
  before: (jobs: readonly NewJob[]) => void = () => {}
  /** Throws after it took effect: the reply is lost. */
  after: (jobs: readonly NewJob[]) => void = () => {}
  #nextId = 1

  async enqueue({ jobs, nonce, notify }: EnqueueOptions): Promise<EnqueueResult> {
    this.statements.push(jobs)
    await this.gate
    this.before(jobs)
    const created = new Set<number>()
    const ids = jobs.map((job, index) => this.#idOf(job) ?? this.#create(job, nonce, () => created.add(index)))
    this.after(jobs)
    if (notify && this.sleepers) this.wakes.push([...new Set(jobs.map(({ priority = 0 }) => priority))])
    return {
      ids,
      created: created.size === jobs.length ? 'all' : created,
      sleepers: this.sleepers && notify !== true,
    }
  }

  async findEnqueued({ nonce, sinceId }: { nonce: number; sinceId: number }): Promise<readonly number[] | null> {
    this.lookups++
    const ids = [...this.jobs].flatMap(([id, job]) => (id > sinceId && job.nonce === nonce ? [id] : []))
    return ids.length > 0 ? ids : null
  }

  async wake({ priorities }: { priorities: readonly number[] }): Promise<void> {
    this.wakes.push(priorities)
  }

  #idOf(job: NewJob): number | undefined {
    if (job.idempotencyKey === undefined) return undefined
    for (const [id, known] of this.jobs) {
      if (known.idempotencyKey === job.idempotencyKey && known.tenantId === job.tenantId) return id
    }
    return undefined
  }

  #create(job: NewJob, nonce: number | undefined, onCreated: () => void): number {
    onCreated()
    const id = this.#nextId++
    this.jobs.set(id, { ...job, ...(nonce !== undefined && { nonce }) })
    return id
  }
}

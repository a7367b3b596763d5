import { Injectable } from '@nestjs/common'

/** Whom the documentation calls SomeService and OrdersService: what handlers depend on. */
@Injectable()
export class OrdersService {
  readonly log: string[] = []
  /** What a handler waits for, by the name in its data. */
  readonly gates = new Map<string, Promise<void>>()

  note(line: string): void {
    this.log.push(line)
    process.send?.(line)
  }
}

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

/** A failure that a member process reported. */
export class MemberError extends Error {
  readonly code: string
  constructor({ code, message }: { code: string; message: string }) {
    super(message)
    this.code = code
  }
}

type Message = Record<string, unknown>

/** A child process that has opened an embedded database (`programs/member.mjs`). */
export class Member {
  readonly child: ChildProcess
  readonly messages: Message[] = []
  readonly #orders = new Map<number, (message: Message) => void>()
  #lastId = 0

  constructor(child: ChildProcess) {
    this.child = child
    child.on('message', (message: Message) => {
      this.messages.push(message)
      this.#orders.get(Number(message['id']))?.(message)
    })
    child.once('exit', () => {
      for (const settle of this.#orders.values())
        settle({ error: { code: 'EXITED', message: 'The process has ended' } })
    })
  }

  async order(action: string, details: Message = {}): Promise<unknown> {
    this.#lastId += 1
    const id = this.#lastId
    const message = await new Promise<Message>((resolve) => {
      this.#orders.set(id, resolve)
      this.child.send({ ...details, id, do: action })
    })
    this.#orders.delete(id)
    if (message['error'] !== undefined) throw new MemberError(message['error'] as { code: string; message: string })
    return message['result']
  }

  async query(text: string, values: unknown[] = []): Promise<unknown> {
    return await this.order('query', { text, values })
  }

  async kill(): Promise<void> {
    const exited = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exited
  }
}

const started: ChildProcess[] = []
const folders: string[] = []

afterEach(async () => {
  const running = started.splice(0).filter((child) => child.exitCode === null && child.signalCode === null)
  await Promise.all(
    running.map((child) => new Promise((resolve) => (child.once('exit', resolve), child.kill('SIGKILL')))),
  )
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** Starts a program of `programs/` and resolves with its first message. It is killed after the test. */
export async function startProgram(name: string, dataDir: string): Promise<{ child: ChildProcess; first: Message }> {
  const child = fork(fileURLToPath(new URL(`programs/${name}`, import.meta.url)), [dataDir], { execArgv: [] })
  started.push(child)
  const [first] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [{ failed: true }])])
  return { child, first }
}

/** Starts a process that opens `dataDir`. */
export async function startMember(dataDir: string): Promise<Member> {
  const { child, first } = await startProgram('member.mjs', dataDir)
  if (first['failed'] === true) throw new Error('The member did not start')
  return new Member(child)
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pglite-'))
  folders.push(folder)
  return folder
}

/** Resolves when `isTrue` does, asked again and again; rejects after `withinMs`. */
export async function until(isTrue: () => boolean | Promise<boolean>, withinMs: number = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`Not true within ${withinMs} ms: ${String(isTrue)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

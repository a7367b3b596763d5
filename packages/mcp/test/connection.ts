import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

const PROGRAM = fileURLToPath(new URL('programs/server.mjs', import.meta.url))

/** A result, as far as tests look at it. */
export interface Called {
  readonly isError: boolean
  readonly texts: readonly string[]
  readonly data: Readonly<Record<string, unknown>>
}

/** A client at the standard input and output of a server in a process of its own. */
export class Connection implements AsyncDisposable {
  readonly client: Client
  readonly pid: number

  private constructor(client: Client, pid: number) {
    this.client = client
    this.pid = pid
  }

  static async open(options: object): Promise<Connection> {
    const client = new Client({ name: 'test', version: '1' })
    const env = { ...process.env, TEST_OPTIONS: JSON.stringify(options) } as Record<string, string>
    const transport = new StdioClientTransport({ command: process.execPath, args: [PROGRAM], env, stderr: 'inherit' })
    await client.connect(transport)
    return new Connection(client, transport.pid ?? 0)
  }

  async tools(): Promise<readonly string[]> {
    return (await this.client.listTools()).tools.map(({ name }) => name)
  }

  async call(name: string, given: Record<string, unknown> = {}): Promise<Called> {
    const { isError = false, content, structuredContent = {} } = await this.client.callTool({ name, arguments: given })
    const texts = content.map((part) => (part.type === 'text' ? part.text : part.type))
    return { isError, texts, data: structuredContent as Called['data'] }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
  }
}

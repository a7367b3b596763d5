import { type CallToolResult, fromJsonSchema, type McpServer, type Tool } from '@modelcontextprotocol/server'
import type { Answer } from './api.ts'
import { shortened } from './shortened.ts'

/** What a server offers. */
export interface OfferedTool {
  readonly name: string
  readonly description: string
  /** Of its JSON Schema; it takes nothing else. */
  readonly properties: Readonly<Record<string, object>>
  readonly required: readonly string[]
  readonly isReading: boolean
  /** Undoing it is not possible, or it ends work that runs. */
  readonly isDestructive?: boolean
  run(given: Readonly<Record<string, unknown>>, signal: AbortSignal): CallToolResult | Promise<CallToolResult>
}

export function addTool(server: McpServer, tool: OfferedTool): void {
  const inputSchema = fromJsonSchema<Record<string, unknown>>(inputOf(tool))
  const config = { description: tool.description, inputSchema, annotations: annotationsOf(tool) }
  server.registerTool(tool.name, config, (given, { mcpReq }) => tool.run(given, mcpReq.signal))
}

/** As a list of tools has it. */
export function listed(tool: OfferedTool): Tool {
  const { name, description } = tool
  return { name, description, inputSchema: { ...inputOf(tool), type: 'object' }, annotations: annotationsOf(tool) }
}

function inputOf({ properties, required }: OfferedTool): Readonly<Record<string, unknown>> {
  return { type: 'object', properties, required, additionalProperties: false }
}

function annotationsOf({ isReading, isDestructive = false }: OfferedTool): NonNullable<Tool['annotations']> {
  return { readOnlyHint: isReading, destructiveHint: isDestructive, openWorldHint: false }
}

/** An error is `{ code, error }`, as text and as data. */
export function resultOf(answer: Answer): CallToolResult {
  if (!answer.ok) {
    const { code, error } = answer.problem
    return { isError: true, content: [{ type: 'text', text: `${code}: ${error}` }], structuredContent: { code, error } }
  }
  const { value, note } = shortened(answer.value)
  const text = { type: 'text' as const, text: JSON.stringify(value) }
  return { content: note === null ? [text] : [text, { type: 'text', text: note }], structuredContent: value }
}

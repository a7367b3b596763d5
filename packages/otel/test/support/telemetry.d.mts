import type { Attributes } from '@opentelemetry/api'
import type { InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics'
import type { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base'

export interface Telemetry {
  readonly spans: InMemorySpanExporter
  readonly measured: InMemoryMetricExporter
  readonly provider: MeterProvider
  stop(): Promise<void>
}

export interface ToldSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly status: number
  readonly attributes: Attributes
  readonly events: readonly string[]
  readonly durationMs: number
}

export function startTelemetry(): Telemetry
export function told(telemetry: Telemetry): Promise<readonly ToldSpan[]>

import { Counter, Gauge, Histogram, Registry as Prometheus } from 'prom-client'

type Metric = {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Every metric by name. No label ever holds a customer, an event or an offer. */
export const metricsCatalogue = {
  offerstream_records_total: {
    kind: 'counter',
    help: 'Records read, by what became of them: applied, skipped/reason, rejected/reason.',
    labels: ['service', 'outcome'],
  },
  offerstream_published_total: { kind: 'counter', help: 'Records published, by topic.', labels: ['service', 'topic'] },
  offerstream_retries_total: {
    kind: 'counter',
    help: 'Tries repeated because something outside was unwell.',
    labels: ['service'],
  },
  offerstream_fenced_total: {
    kind: 'counter',
    help: 'Saves refused because another member owns the partition now.',
    labels: ['service'],
  },
  offerstream_lanes: { kind: 'gauge', help: 'Partitions this member owns.', labels: ['service'] },
  offerstream_batch_seconds: {
    kind: 'histogram',
    help: 'Time from a batch being handed over to it being committed.',
    labels: ['service'],
    buckets: seconds,
  },
  offerstream_save_seconds: {
    kind: 'histogram',
    help: 'Time of one atomic save.',
    labels: ['service'],
    buckets: seconds,
  },
  offerstream_push_seconds: {
    kind: 'histogram',
    help: 'Time of one call to a push provider.',
    labels: ['service', 'provider'],
    buckets: seconds,
  },
  offerstream_pushes_total: {
    kind: 'counter',
    help: 'Answers of push providers.',
    labels: ['service', 'provider', 'answer'],
  },
  offerstream_links_total: {
    kind: 'counter',
    help: 'Links of messages that were asked for, by what that was: expired, unknown, looked-ahead, or what happened and whether it was told for the first time.',
    labels: ['service', 'outcome'],
  },
  offerstream_send_hours_total: {
    kind: 'counter',
    help: 'Offers by when they were to go out: now, later, or now because that was unknown, failed, or past-expiry.',
    labels: ['service', 'choice'],
  },
  offerstream_fallback_rows_total: {
    kind: 'counter',
    help: 'Rows of a model that its second implementation scored, because the native runtime failed or took too long.',
    labels: ['service', 'model'],
  },
  offerstream_rollbacks_total: {
    kind: 'counter',
    help: 'Versions of a model that this member retired because a guardrail tripped, by guardrail.',
    labels: ['service', 'model', 'guardrail'],
  },
  offerstream_playbooks_offering_nothing_total: {
    kind: 'counter',
    help: 'Playbook versions that can offer nothing to anybody, by what keeps most items back.',
    labels: ['service', 'why'],
  },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metricsCatalogue

export type Metrics = {
  /** Adds to a counter, sets a gauge, observes in a histogram; the labels follow the catalogue, `service` left out. */
  record(name: MetricName, value: number, ...labels: readonly string[]): void
  /** The page Prometheus reads. */
  page(): Promise<string>
}

export function createMetrics(service: string): Metrics {
  const registry = new Prometheus()
  const recorders = new Map<string, (value: number, labels: readonly string[]) => void>()
  for (const [name, metric] of Object.entries(metricsCatalogue) as [MetricName, Metric][]) {
    const shape = { name, help: metric.help, labelNames: [...metric.labels], registers: [registry] }
    switch (metric.kind) {
      case 'counter': {
        const counter = new Counter(shape)
        recorders.set(name, (value, labels) => counter.labels(service, ...labels).inc(value))
        break
      }
      case 'gauge': {
        const gauge = new Gauge(shape)
        recorders.set(name, (value, labels) => gauge.labels(service, ...labels).set(value))
        break
      }
      case 'histogram': {
        const histogram = new Histogram({ ...shape, buckets: [...(metric.buckets ?? seconds)] })
        recorders.set(name, (value, labels) => histogram.labels(service, ...labels).observe(value))
      }
    }
  }
  return {
    record: (name, value, ...labels) => recorders.get(name)!(value, labels),
    page: () => registry.metrics(),
  }
}

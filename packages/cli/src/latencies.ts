/** Milliseconds; null while nothing was measured. */
export type LatencySummary = { readonly p50: number | null; readonly p99: number | null; readonly count: number }

/** Keeps every latency, in milliseconds; sums up all of them or the newest few. */
export function latencies(): { add(ms: number): void; summary(newest?: number): LatencySummary } {
  const kept: number[] = []
  return {
    add: ms => void kept.push(ms),
    summary(newest = kept.length) {
      if (kept.length === 0) return { p50: null, p99: null, count: 0 }
      const sorted = Float64Array.from(kept.slice(kept.length - Math.min(newest, kept.length))).sort()
      const at = (share: number): number =>
        Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10
      return { p50: at(0.5), p99: at(0.99), count: sorted.length }
    },
  }
}

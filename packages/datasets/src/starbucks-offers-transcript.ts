export type TranscriptRow = {
  readonly person: string
  readonly event: 'offer received' | 'offer viewed' | 'offer completed' | 'transaction'
  readonly offer: string
  readonly amount: number
  readonly hours: number
}

/** Throws naming file and line where a row is not what the set has. */
export function transcriptRow({ value, where }: { readonly value: unknown; readonly where: string }): TranscriptRow {
  const row = value as { person?: unknown; event?: unknown; value?: Record<string, unknown>; time?: unknown }
  // Completions spell it with an underscore, everything else with a space.
  const offer = row.value?.['offer id'] ?? row.value?.['offer_id'] ?? ''
  const amount = row.value?.['amount'] ?? 0
  const whole = row.event === 'transaction' ? typeof amount === 'number' && amount >= 0 : offer !== ''
  if (typeof row.person !== 'string' || !events.has(row.event) || typeof row.time !== 'number' || !whole)
    throw new Error(
      `${where}: wanted person, a known event with its offer or amount, and time, found ${JSON.stringify(value)}`,
    )
  return {
    person: row.person,
    event: row.event as TranscriptRow['event'],
    offer: String(offer),
    amount: amount as number,
    hours: row.time,
  }
}

const events: ReadonlySet<unknown> = new Set(['offer received', 'offer viewed', 'offer completed', 'transaction'])

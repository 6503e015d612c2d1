// A small line of two folds for tests: numbers in, updates out, a reader that accepts each update once.
import { causeText, done, type Fold, type Log, type Received, type Topic } from '../src/index.ts'

export const numbersPath = 'numbers'
export const updatesPath = 'updates'

const json = <T>(name: string, path: string): Topic<T> => ({
  name: name as Topic<T>['name'],
  path,
  codec: {
    encode: value => Buffer.from(JSON.stringify(value)),
    decode: bytes => JSON.parse(bytes.toString()) as T,
    learn: async () => {},
  },
})

export type NumberAdded = { readonly by: number }
export type Updated = { readonly id: string; readonly sum: number; readonly count: number; readonly model: string }
/** `chain` names the model under which each record was applied. */
export type Sum = { readonly sum: number; readonly count: number; readonly chain: string }
export type Accepted = { readonly ids: readonly string[]; readonly updates: readonly Updated[] }

const states = <State>() => ({
  encode: (state: State) => Buffer.from(JSON.stringify(state)),
  decode: (bytes: Buffer) => JSON.parse(bytes.toString()) as State,
})

export const numbers = json<NumberAdded>('customer-events', numbersPath)
export const updates = json<Updated>('feature-updates', updatesPath)

/** Sums the numbers of a key and publishes every one with the model in use. */
export const summing = (model: string): Fold<Sum, NumberAdded> => ({
  name: 'summing',
  input: numbers,
  outputs: [updates as Topic<never>],
  states: states<Sum>(),
  empty: { sum: 0, count: 0, chain: '' },
  step(state, record: Received<NumberAdded>) {
    const next = { sum: state.sum + record.value.by, count: state.count + 1, chain: state.chain + model }
    return done(next, {
      topic: 'feature-updates',
      value: { id: causeText(record.cause), sum: next.sum, count: next.count, model } as never,
    })
  },
})

/** Keeps every update it is handed, as a dispatcher would. */
export const accepting: Fold<Accepted, Updated> = {
  name: 'accepting',
  input: updates,
  outputs: [],
  states: states<Accepted>(),
  empty: { ids: [], updates: [] },
  step: (state, record) => done({ ids: [...state.ids, record.value.id], updates: [...state.updates, record.value] }),
}

export const keys: readonly string[] = Array.from({ length: 25 }, (_, at) => `customer-${at}`)

/** Appends `count` numbers over the keys, with causes as intake would give them. */
export async function appendNumbers(log: Log, count: number, from = 0): Promise<void> {
  await log.append(
    numbersPath,
    0,
    Array.from({ length: count }, (_, at) => ({
      key: keys[((from + at) * 7) % keys.length]!,
      value: Buffer.from(JSON.stringify({ by: from + at + 1 })),
      cause: `purchases@1/0/${from + at}/0`,
    })),
  )
}

/** What the sums must be: a few obvious lines over the whole log. */
export async function naiveSums(log: Log): Promise<ReadonlyMap<string, { sum: number; count: number }>> {
  const sums = new Map<string, { sum: number; count: number }>()
  const seen = new Set<string>()
  for await (const batch of log.read(numbersPath, 0, 0))
    for (const message of batch) {
      if (seen.has(message.cause!)) continue
      seen.add(message.cause!)
      const before = sums.get(message.key!) ?? { sum: 0, count: 0 }
      sums.set(message.key!, { sum: before.sum + JSON.parse(message.value!.toString()).by, count: before.count + 1 })
    }
  return sums
}

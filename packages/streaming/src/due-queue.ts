/** Next due moment by key, and the keys in order of (moment, UTF-8 bytes of the key). */
export type DueQueue = {
  set(key: string, at: number | null): void
  /** The first `limit` due at or before `until`; they stay. */
  first(until: number, limit: number): readonly Due[]
}

export type Due = { readonly key: string; readonly at: number }

type Entry = Due & { readonly bytes: Buffer }

/** A binary heap whose outdated entries stay until they surface: `current` says which entry of a key counts. */
export function dueQueue(): DueQueue {
  const current = new Map<string, Entry>()
  let heap: Entry[] = []

  const push = (entry: Entry): void => {
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!precedes(entry, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }
  const pop = (): void => {
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && precedes(heap[child + 1]!, heap[child]!)) child++
      if (!precedes(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
  const rebuild = (): void => {
    heap = [...current.values()].sort((a, b) => (precedes(a, b) ? -1 : 1)) // sorted is a heap
  }

  return {
    set(key, at) {
      if (current.get(key)?.at === at) return
      if (at === null) {
        current.delete(key)
      } else {
        const entry = { key, at, bytes: Buffer.from(key) }
        current.set(key, entry)
        push(entry)
      }
      if (heap.length > 2 * current.size + 64) rebuild()
    },
    first(until, limit) {
      const found: Entry[] = []
      while (found.length < limit && heap.length > 0 && heap[0]!.at <= until) {
        const entry = heap[0]!
        pop()
        if (current.get(entry.key) === entry) found.push(entry)
      }
      for (const entry of found) push(entry)
      return found.map(({ key, at }) => ({ key, at }))
    },
  }
}

const precedes = (a: Entry, b: Entry): boolean => (a.at === b.at ? Buffer.compare(a.bytes, b.bytes) < 0 : a.at < b.at)

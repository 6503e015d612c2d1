/** The name most like the one given, null where none is at all alike. */
export function nearest(name: string, names: Iterable<string>): string | null {
  let best: string | null = null
  let fewest = Math.max(2, Math.floor(name.length / 2)) + 1
  for (const candidate of names) {
    const edits = editDistance(name, candidate)
    if (edits < fewest) {
      fewest = edits
      best = candidate
    }
  }
  return best
}

/** `, nearest is …`, or nothing. */
export function like(name: string, names: Iterable<string>): string {
  const found = nearest(name, names)
  return found === null ? '' : `, nearest is ${found}`
}

/** Insertions, deletions and replacements that turn one text into the other (Wagner and Fischer, 1974). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)))
    row = next
  }
  return row[to.length]!
}

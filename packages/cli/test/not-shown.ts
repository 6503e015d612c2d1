/** The first expected line that is not shown in its order, null where all are; `…` stands for any lines, and within a line for any text. */
export function notShown(output: string, expected: string): string | null {
  const squeeze = (line: string): string => line.trim().replace(/\s+/g, ' ')
  const found = output.split('\n').map(squeeze)
  let at = 0
  for (const line of expected.split('\n').map(squeeze)) {
    if (line === '' || line === '…') continue
    const parts = line.split('…').map(squeeze)
    const fits = (candidate: string): boolean => {
      let from = 0
      return parts.every(part => {
        const next = candidate.indexOf(part, from)
        from = next + part.length
        return next >= 0
      })
    }
    while (at < found.length && !fits(found[at]!)) at++
    if (at++ >= found.length) return line
  }
  return null
}

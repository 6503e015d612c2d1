import type { Progress } from './bench.ts'

const ongoing = process.stderr.isTTY === true
let last = ''

/** A bar that moves on a terminal, a line per change of subject in a pipe. */
export const progress: Progress = (line, share) => {
  if (ongoing) {
    const bar =
      share === undefined ? '' : ` ${'█'.repeat(Math.round(share * 24)).padEnd(24, '·')} ${Math.round(share * 100)} %`
    process.stderr.write(`\r\x1b[2K${line}${bar}${share === undefined || share >= 1 ? '\n' : ''}`)
  } else if (line !== last) process.stderr.write(`${line}\n`)
  last = line
}

/** Columns side by side, numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map(row => row.map(cell => (typeof cell === 'number' ? figure(cell) : cell)))
  const widths = rows[0]!.map((_, column) => Math.max(...texts.map(row => row[column]!.length)))
  const line = (row: readonly string[], at: number): string =>
    row
      .map((cell, column) =>
        column === 0 || (at > 0 && typeof rows[at]![column] === 'string')
          ? cell.padEnd(widths[column]!)
          : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd()
  const [head, ...body] = texts.map(line)
  return [head, widths.map(width => '-'.repeat(width)).join('  '), ...body].join('\n')
}

/** Three figures that matter, thousands apart. */
function figure(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return Number.isInteger(value) ? `${value}` : value.toPrecision(3)
}

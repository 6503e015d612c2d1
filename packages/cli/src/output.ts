import { SingleBar } from 'cli-progress'
import colours from 'picocolors'

/** Where a command writes: people read standard error while it works, `--json` puts one object on the last line of standard output. */
export type Output = {
  readonly json: boolean
  /** Told as it happens. */
  progress(line: string): void
  /** What was asked for; silent under `--json`. */
  say(line?: string): void
  /** The one object. */
  result(value: unknown): void
  /** A bar on a terminal, a line now and then elsewhere. */
  bar(what: string, total: number): Bar
}

type Bar = { update(value: number, note?: string): void; stop(): void }

const lineEveryMs = 5000

export function createOutput(json: boolean): Output {
  const progress = (line: string): void => void process.stderr.write(`${colours.dim(line)}\n`)
  return {
    json,
    progress,
    say: (line = '') => {
      if (!json) process.stdout.write(`${line}\n`)
    },
    result: value => {
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`)
    },
    bar(what, total) {
      if (process.stderr.isTTY) {
        const bar = new SingleBar({
          format: `${what} {bar} {percentage}% {value}/{total} {note}`,
          stream: process.stderr,
          hideCursor: true,
        })
        bar.start(total, 0, { note: '' })
        return { update: (value, note = '') => bar.update(value, { note }), stop: () => bar.stop() }
      }
      let last = 0
      return {
        update(value, note = '') {
          if (performance.now() - last < lineEveryMs) return
          last = performance.now()
          progress(`${what} ${value}/${total} ${note}`)
        },
        stop() {},
      }
    },
  }
}

/** Columns as wide as their widest cell; the last one is left as it is. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(row => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  '))
    .join('\n')
}

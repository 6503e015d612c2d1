// Processes a bench starts, and what they cost: CPU as Linux accounts for it, to a hundredth of a second.
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Started = {
  readonly name: string
  readonly pid: number
  readonly process: ChildProcess
  /** The next message it sends that answers to `event`; rejects with the end of its log when it ends instead. */
  hears(event: string): Promise<Record<string, unknown>>
  stop(): Promise<void>
}

const root = join(import.meta.dirname, '../..')
let folder: string | null = null
const running = new Set<Started>()

/** Starts a TypeScript file of the workspace as a process of its own. */
export function start(
  name: string,
  file: string,
  options: { environment?: Readonly<Record<string, string>>; args?: readonly string[]; flags?: readonly string[] } = {},
): Started {
  folder ??= mkdtempSync(join(tmpdir(), 'offerstream-bench-'))
  const logFile = join(folder, `${name}.log`)
  const log = openSync(logFile, 'a')
  const inherited = Object.entries(process.env).filter(([each]) => !each.startsWith('OFFERSTREAM_'))
  const child = fork(join(root, file), [...(options.args ?? [])], {
    cwd: root,
    env: { ...Object.fromEntries(inherited), OFFERSTREAM_LOG_LEVEL: 'warn', ...options.environment },
    execArgv: ['--disable-warning=TimeoutNegativeWarning', ...(options.flags ?? [])],
    stdio: ['ignore', log, log, 'ipc'],
  })
  const ended = new Promise<string>(resolve => child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`)))
  const started: Started = {
    name,
    pid: child.pid!,
    process: child,
    hears: event =>
      new Promise((resolve, reject) => {
        const listen = (message: unknown): void => {
          if ((message as { event?: string }).event !== event) return
          child.off('message', listen)
          resolve(message as Record<string, unknown>)
        }
        child.on('message', listen)
        ended.then(how => {
          const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n  ')
          reject(new Error(`${name} ended with ${how} before ${event}:\n  ${tail}`))
        })
      }),
    async stop() {
      running.delete(started)
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        const patience = setTimeout(() => child.kill('SIGKILL'), 15_000)
        await ended
        clearTimeout(patience)
      }
    },
  }
  running.add(started)
  return started
}

/** Ends whatever is left; for `finally`. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(each => each.stop()))
  if (folder !== null) rmSync(folder, { recursive: true, force: true })
  folder = null
}

/** CPU seconds a process has used so far, all its threads. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Resident bytes. */
export function residentBytes(pid: number): number {
  const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(kb?.[1] ?? 0) * 1024
}

/** The most bytes that were resident at once. */
export function peakBytes(pid: number): number {
  const kb = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(kb?.[1] ?? 0) * 1024
}

/** A child of this process whose command line holds the text: the stack's servers are found so. */
export function childWith(text: string): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== process.pid) continue
      if (readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text)) return Number(entry)
    } catch {} // it ended meanwhile
  }
  throw new Error(`no child of this process has ${text} in its command line`)
}

// Processes that this one starts and answers for. None outlives it: each is named to the watchdog before it begins.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalGroup, startedAt } from './process-identity.ts'
import { StackUnavailable } from './unavailable.ts'

type Program = {
  readonly name: string // names the log and the pid file
  readonly command: readonly [string, ...string[]]
  readonly environment: NodeJS.ProcessEnv
  readonly directory?: string // where it runs; the children's own by default
}

export type Child = {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  readonly ended: Promise<string> // how it ended: "ended with code 1"
  alive(): boolean
  signal(signal: NodeJS.Signals): void
  stop(graceMs?: number): Promise<void>
}

export type Children = {
  readonly directory: string
  start(program: Program): Promise<Child>
  /** Ends all and refuses further starts. */
  close(graceMs?: number): Promise<void>
  closed(): boolean
}

/** Processes that keep their logs and pid files in one directory; what an earlier crash left there is ended first. */
export async function createChildren(directory: string): Promise<Children> {
  mkdirSync(directory, { recursive: true })
  const pidFiles = readdirSync(directory).filter(name => name.endsWith('.pid'))
  await Promise.all(pidFiles.map(name => endStale(path.join(directory, name))))
  const living = new Set<Child>()
  let closed = false
  return {
    directory,
    closed: () => closed,
    async start(program) {
      if (closed) throw new Error(`${program.name} was not started: its stack is stopping`)
      const child = await startChild(program, directory)
      living.add(child)
      child.ended.then(() => living.delete(child))
      if (closed) await child.stop()
      return child
    },
    async close(graceMs) {
      closed = true
      await Promise.all([...living].map(child => child.stop(graceMs)))
    },
  }
}

/** Waits until the probe succeeds; refuses as soon as the child ends or the time is over, with the end of its log. */
export async function untilReady(child: Child, probe: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  let how: string | undefined
  child.ended.then(value => {
    how = value
  })
  const deadline = performance.now() + timeoutMs
  while (true) {
    const answers = await probe().catch(() => false)
    if (how !== undefined) throw crash(child, `${how} before it answered`)
    if (answers) return
    if (performance.now() > deadline) {
      await child.stop()
      throw crash(child, `did not answer within ${timeoutMs / 1000} s`)
    }
    await Promise.race([sleep(25), child.ended])
  }
}

export function logTail(child: Child, lines = 12): string {
  const text = existsSync(child.logFile) ? readFileSync(child.logFile, 'utf8').trimEnd() : ''
  const tail = text.split('\n').slice(-lines).join('\n    ')
  return `last lines of ${child.logFile}:\n    ${tail === '' ? '(empty)' : tail}`
}

function crash(child: Child, what: string): StackUnavailable {
  return new StackUnavailable({
    tried: `start ${child.name}`,
    missing: `it ${what}; ${logTail(child)}`,
    fix: 'read the log above and start again, with fresh if its data is broken; --stack embedded needs none of it',
  })
}

async function startChild(program: Program, directory: string): Promise<Child> {
  const pidFile = path.join(directory, `${program.name}.pid`)
  const logFile = path.join(directory, `${program.name}.log`)
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.previous`)
  const log = openSync(logFile, 'w')
  // The shell waits for a word before it becomes the program: this process may die between starting it and guarding it.
  const started = spawn('/bin/sh', ['-c', 'read -r go && exec "$@" </dev/null', 'sh', ...program.command], {
    cwd: program.directory ?? directory,
    env: program.environment,
    detached: true, // Ctrl-C in the terminal reaches this process only, which stops its services before their stack
    stdio: ['pipe', log, log],
  })
  closeSync(log)
  const ended = new Promise<string>((resolve, reject) => {
    started.once('error', reject)
    started.once('exit', (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    )
  })
  const { pid } = started
  if (pid === undefined) return ended as Promise<never> // rejects with what the system said
  await guard(pid)
  writeFileSync(pidFile, `${pid} ${startedAt(pid)}\n`)
  let alive = true
  const gone = ended.then(how => {
    alive = false
    release(pid)
    rmSync(pidFile, { force: true })
    return how
  })
  started.stdin?.on('error', () => {}) // it died already, which `ended` tells
  started.stdin?.end('go\n')
  const child: Child = {
    name: program.name,
    pid,
    logFile,
    ended: gone,
    alive: () => alive,
    signal(signal) {
      if (alive) signalGroup(pid, signal)
    },
    async stop(graceMs = 5_000) {
      if (!alive) return
      signalGroup(pid, 'SIGTERM')
      signalGroup(pid, 'SIGCONT') // a stopped one would not hear it
      const timer = setTimeout(() => child.signal('SIGKILL'), graceMs)
      await gone
      clearTimeout(timer)
    },
  }
  return child
}

/** Ends what an earlier, crashed run left behind: only the very process that wrote the file, never one with its number. */
async function endStale(pidFile: string): Promise<void> {
  const [pid, began] = readFileSync(pidFile, 'utf8').trim().split(' ')
  const left = () => began !== undefined && startedAt(Number(pid)) === began
  if (left()) signalGroup(Number(pid), 'SIGTERM')
  const deadline = performance.now() + 5_000
  while (left() && performance.now() < deadline) await sleep(25)
  if (left()) signalGroup(Number(pid), 'SIGKILL')
  while (left()) await sleep(25)
  rmSync(pidFile, { force: true })
}

// One watchdog a process, there while it has children.
const guarded = new Set<number>()
let watchdog: ChildProcess | undefined

async function guard(pid: number): Promise<void> {
  guarded.add(pid)
  watchdog ??= startWatchdog()
  await tell(watchdog, `+${pid}\n`)
}

function release(pid: number): void {
  guarded.delete(pid)
  watchdog?.stdin?.write(`-${pid}\n`)
  if (guarded.size > 0) return
  watchdog?.stdin?.end()
  watchdog = undefined
}

function startWatchdog(): ChildProcess {
  const { NODE_OPTIONS: _, ...environment } = process.env
  const started = spawn(process.execPath, [path.join(import.meta.dirname, 'watchdog.ts')], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: environment,
  })
  started.stdin?.on('error', () => {})
  started.unref() // it must not keep this process alive; neither must the pipe to it
  ;(started.stdin as unknown as { unref?: () => void } | null)?.unref?.()
  started.once('error', error => {
    throw error
  })
  started.once('exit', () => {
    if (watchdog !== started) return
    watchdog = startWatchdog()
    for (const pid of guarded) watchdog.stdin?.write(`+${pid}\n`)
  })
  return started
}

function tell(dog: ChildProcess, line: string): Promise<void> {
  return new Promise(resolve => dog.stdin?.write(line, () => resolve()))
}

// One service as a process of its own, killed, frozen and stopped as an operator or a machine would.
import { readFileSync } from 'node:fs'
import type { Child } from '@offerstream/stack'
import type { LaneHealth } from '@offerstream/streaming'
import { mainOf, type Service, until, type World } from './world.ts'

export type Member = {
  readonly service: Service
  readonly alive: () => boolean
  /** Resolves when it is gone; rejects when it ended by itself. */
  readonly ended: Promise<void>
  /** Partitions it owns, as its health tells them; none while it starts or stands still. */
  lanes(): Promise<readonly LaneHealth[]>
  kill(): Promise<void>
  thaw(): void
  /** Resolves once the process stands still, as a fail point with `freeze` makes it. */
  frozen(): Promise<void>
  /** SIGTERM: it drains and ends. Throws when it ends in any other way. */
  stop(): Promise<void>
}

let started = 0

/** `failsAt` is a fail point, which ends it: only then may it go without being asked. */
export async function startMember(
  world: World,
  service: Service,
  environment: Readonly<Record<string, string>>,
  failsAt?: string,
): Promise<Member> {
  const child = await world.children.start({
    name: `${service}-${++started}`,
    command: [process.execPath, '--disable-warning=TimeoutNegativeWarning', mainOf(service)],
    environment: {
      NODE_COMPILE_CACHE: world.compiled,
      ...environment,
      ...(failsAt === undefined ? {} : { OFFERSTREAM_FAIL_POINT: failsAt }),
    },
  })
  let wanted = failsAt === undefined || failsAt.endsWith(':freeze') ? '' : 'was ended by SIGKILL'
  let stoodStill = false
  const ended = child.ended.then(how => {
    if (how === wanted) return
    // The time it stood still counts for the requests it had under way: it may end over one, and says so.
    if (stoodStill && how === 'ended with code 1' && logOf(child).includes('"name":"Transient"')) return
    throw new Error(
      `${child.name} ${failsAt === undefined ? '' : `(${failsAt}) `}${how}. Its log ends:\n${tail(child)}`,
    )
  })
  ended.catch(() => {})
  return {
    service,
    alive: child.alive,
    ended,
    async lanes() {
      const address = / is running; health and metrics at ([^"]+)/.exec(logOf(child))?.[1]
      if (address === undefined) return []
      try {
        const answer = await fetch(`${address}/health`, { signal: AbortSignal.timeout(1000) })
        return ((await answer.json()) as { lanes: readonly LaneHealth[] }).lanes
      } catch {
        return []
      }
    },
    async kill() {
      if (child.alive()) wanted = 'was ended by SIGKILL'
      child.signal('SIGKILL')
      await ended
    },
    thaw() {
      stoodStill = true
      child.signal('SIGCONT')
    },
    frozen: () =>
      until(`${child.name} freezes`, () => {
        if (!child.alive()) throw new Error(`${child.name} ended. Its log ends:\n${tail(child)}`)
        return /^\d+ \(.*\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))
      }),
    async stop() {
      // Before it runs nothing listens to the signal.
      await until(`${child.name} runs`, () => !child.alive() || logOf(child).includes(' is running;'))
      if (child.alive()) wanted = 'ended with code 0'
      await child.stop(20_000)
      await ended
    },
  }
}

const logOf = (child: Child): string => readFileSync(child.logFile, 'utf8')
const tail = (child: Child): string => logOf(child).trimEnd().split('\n').slice(-8).join('\n')

import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { valkey, valkeyServer } from './artifacts.ts'
import { type Downloads, download } from './download.ts'
import { onPath } from './on-path.ts'
import { redisInfo } from './probe.ts'
import { type Child, type Children, untilReady } from './process.ts'

export type RedisServer = {
  readonly name: string // names its log and data folder
  readonly port: number
  readonly persist: boolean // an append-only file, so that states come back with the topics they were folded from
  readonly settings: Readonly<Record<string, string>> // further ones, by their names in redis.conf
}

const oldest = 7 // the first with CLUSTER ADDSLOTSRANGE and cluster-port

/** A Redis or Valkey server program of the machine, new enough, or undefined. */
export function installedRedis(environment: NodeJS.ProcessEnv): string | undefined {
  for (const name of ['redis-server', 'valkey-server']) {
    const program = onPath(name, environment)
    if (program === undefined) continue
    const said = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 5_000 }).stdout ?? ''
    if (Number(/v=(\d+)\./.exec(said)?.[1] ?? 0) >= oldest) return program
  }
  return undefined
}

export async function redisProgram(children: Children, downloads: Downloads): Promise<string> {
  return installedRedis(downloads.environment) ?? valkeyServer(await download(valkey, children, downloads))
}

/** Starts one server and waits until the answering process is that very one. */
export async function startRedisServer(program: string, server: RedisServer, children: Children): Promise<Child> {
  const directory = path.join(children.directory, server.name)
  mkdirSync(directory, { recursive: true })
  const settings: Record<string, string> = {
    port: `${server.port}`,
    bind: '127.0.0.1',
    dir: directory,
    save: '',
    appendonly: server.persist ? 'yes' : 'no',
    'maxmemory-policy': 'noeviction', // an evicted state would be a customer silently forgotten
    'repl-diskless-sync-delay': '0', // a replica need not wait five seconds for others to join it
    loglevel: 'warning',
    ...server.settings,
  }
  const child = await children.start({
    name: server.name,
    command: [program, ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])],
    environment: {},
  })
  await untilReady(child, async () => {
    const info = await redisInfo(redisUrl(server.port), 'server', 'persistence')
    return info.get('process_id') === `${child.pid}` && info.get('loading') === '0'
  })
  return child
}

export function redisUrl(port: number): string {
  return `redis://127.0.0.1:${port}`
}

/** "redis 7.0.15" or "valkey 9.1.2", as the server calls itself. */
export async function redisVersion(url: string): Promise<string> {
  const info = await redisInfo(url, 'server')
  const valkeyVersion = info.get('valkey_version')
  return valkeyVersion === undefined ? `redis ${info.get('redis_version') ?? 'unknown'}` : `valkey ${valkeyVersion}`
}

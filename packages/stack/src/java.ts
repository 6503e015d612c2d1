import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { javaHome } from './artifacts.ts'
import { type Child, type Children, untilReady } from './process.ts'
import { StackUnavailable } from './unavailable.ts'

export type JavaProgram = {
  readonly name: string
  readonly options: readonly string[] // -Xms64m -Xmx256m; they win over those of every program
  readonly program: readonly string[] // class path, main class or jar, arguments
  readonly environment: NodeJS.ProcessEnv
  readonly cache: StartCache
}

/** Where classes loaded and linked at an earlier start are kept, and whether this run may write them when it ends. */
type StartCache = { readonly file: string; readonly mayTrain: boolean }

export type JavaChild = { readonly child: Child; stop(): Promise<void>; readonly trains: boolean }

/** A stop waits so long for the cache; on a machine too busy for that, a later stop makes it. The program's own data is closed by then. */
const trainingMs = 10_000

/** On small machines the serial collector and the quick compiler start in half the time. */
const flags = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Xlog:disable',
  '-Xlog:all=error:stderr',
  '--sun-misc-unsafe-memory-access=allow',
]

/** A cache made by another copy of the runtime or of the program would not fit: it is named after the one, kept in the other. */
export function startCache(javaFolder: string, programFolder: string): string {
  const made = Math.round(statSync(path.join(javaFolder, '.ok')).mtimeMs).toString(36)
  return path.join(programFolder, `start-${made}.aot`)
}

export function javaBinary(javaFolder: string): string {
  return path.join(javaHome(javaFolder), 'bin', 'java')
}

export function javaVersion(javaFolder: string): string {
  const release = readFileSync(path.join(javaHome(javaFolder), 'release'), 'utf8')
  return /JAVA_VERSION="([^"]+)"/.exec(release)?.[1] ?? 'unknown'
}

export function javaCommand(java: string, program: readonly string[], cacheFlags: readonly string[] = []) {
  return [java, ...cacheFlags, ...flags, ...program] as const
}

/** Starts a Java program and waits for it; a start cache that stands in the way is thrown away and the start repeated. */
export async function startJava(
  java: string,
  program: JavaProgram,
  children: Children,
  probe: () => Promise<boolean>,
): Promise<JavaChild> {
  const { file, mayTrain } = program.cache
  const cached = existsSync(file)
  const output = path.join(children.directory, `${program.name}.aot`)
  rmSync(output, { force: true })
  // Mode `on`, because the default would quietly go without a cache that does not fit, and so would every later start.
  const cacheFlags = cached
    ? [`-XX:AOTCache=${file}`, '-XX:AOTMode=on']
    : mayTrain
      ? [`-XX:AOTCacheOutput=${output}`]
      : []
  const child = await children.start({
    name: program.name,
    command: javaCommand(java, [...program.options, ...program.program], cacheFlags),
    environment: program.environment,
  })
  try {
    await untilReady(child, probe)
  } catch (error) {
    if (!cached || !(error instanceof StackUnavailable) || children.closed()) throw error
    rmSync(file, { force: true })
    return startJava(java, program, children, probe)
  }
  const trains = !cached && mayTrain
  return {
    child,
    trains,
    async stop() {
      await child.stop(trains ? trainingMs : 8_000)
      if (!trains || !existsSync(output)) return
      if ((await child.ended) === 'was ended by SIGKILL') rmSync(output)
      else renameSync(output, file)
    },
  }
}

import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { javaRuntime, kafkaJars, registryApp, valkey } from './artifacts.ts'
import { isDownloaded } from './download.ts'
import { onPath } from './on-path.ts'
import { installedRedis } from './redis.ts'
import type { StackSettings } from './settings.ts'

export type Missing = { readonly what: string; readonly fix: string }

export function downloadsFolder(directory: string): string {
  return path.join(directory, 'downloads')
}

/** What keeps a local stack from starting. Tools that only download are not missed once their downloads are there. */
export function missingForLocal(
  { directory, environment }: Pick<StackSettings, 'directory' | 'environment'>,
  platform = process.platform,
): readonly Missing[] {
  const have = (artifact: typeof kafkaJars) => isDownloaded(downloadsFolder(directory), artifact)
  const missing: Missing[] = []
  if (platform !== 'linux')
    missing.push({ what: `it runs on Linux only, this is ${platform}`, fix: 'use --stack compose or --stack embedded' })
  if (!have(kafkaJars) || !have(registryApp)) {
    if (onPath('mvn', environment) === undefined)
      missing.push({ what: 'mvn (Maven) is not on PATH', fix: 'install Maven, for example: apt-get install maven' })
  }
  const needsPip = !have(javaRuntime) || (!have(valkey) && installedRedis(environment) === undefined)
  if (needsPip) missing.push(...missingPip(environment))
  return missing
}

function missingPip(environment: NodeJS.ProcessEnv): readonly Missing[] {
  const fix = 'install Python with pip, for example: apt-get install python3-pip'
  const python = onPath('python3', environment)
  if (python === undefined) return [{ what: 'python3 is not on PATH', fix }]
  const pip = spawnSync(python, ['-m', 'pip', '--version'], { env: environment, timeout: 20_000 })
  return pip.status === 0 ? [] : [{ what: 'python3 is there but has no pip', fix }]
}

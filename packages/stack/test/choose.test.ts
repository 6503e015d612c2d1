import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { javaRuntime, kafkaJars, registryApp, valkey } from '../src/artifacts.ts'
import { choose } from '../src/choose.ts'
import { startStack } from '../src/index.ts'
import { downloadsFolder, missingForLocal } from '../src/prerequisites.ts'
import { programs, temporaryFolder } from './folders.ts'

const mvn = 'exit 0'
const pythonWithPip = 'exit 0'
const pythonWithoutPip = 'exit 1'

describe('auto', () => {
  it('is external as soon as an address is set, whatever the machine has', () => {
    const environment = { PATH: programs({ mvn, python3: pythonWithPip }), OFFERSTREAM_REDIS_URL: 'redis://elsewhere' }
    expect(choose({ directory: temporaryFolder(), environment })).toEqual({
      kind: 'external',
      why: 'OFFERSTREAM_REDIS_URL is set',
    })
  })

  it('takes an empty address for none', () => {
    const environment = { PATH: programs({ mvn, python3: pythonWithPip }), OFFERSTREAM_REDIS_URL: ' ' }
    expect(choose({ directory: temporaryFolder(), environment }).kind).toBe('local')
  })

  it('is local where python3 with pip and mvn are', () => {
    const environment = { PATH: programs({ mvn, python3: pythonWithPip }) }
    expect(choose({ directory: temporaryFolder(), environment }).kind).toBe('local')
  })

  it.each([
    ['mvn (Maven) is not on PATH', { python3: pythonWithPip }],
    ['python3 is not on PATH', { mvn }],
    ['python3 is there but has no pip', { mvn, python3: pythonWithoutPip }],
  ])('is embedded and says so when %s', (what, scripts) => {
    const choice = choose({ directory: temporaryFolder(), environment: { PATH: programs(scripts) } })
    expect(choice.kind).toBe('embedded')
    expect(choice.why).toContain(what)
  })

  it('misses no tool whose downloads are there already', () => {
    const directory = temporaryFolder()
    for (const { name } of [kafkaJars, registryApp, javaRuntime, valkey]) {
      mkdirSync(path.join(downloadsFolder(directory), name), { recursive: true })
      writeFileSync(path.join(downloadsFolder(directory), name, '.ok'), '')
    }
    expect(choose({ directory, environment: { PATH: '' } }).kind).toBe('local')
  })

  it('needs no valkey where a new enough redis-server is installed', () => {
    const directory = temporaryFolder()
    for (const { name } of [kafkaJars, registryApp, javaRuntime]) {
      mkdirSync(path.join(downloadsFolder(directory), name), { recursive: true })
      writeFileSync(path.join(downloadsFolder(directory), name, '.ok'), '')
    }
    const redis = (version: string) => programs({ 'redis-server': `echo "Redis server v=${version} sha=0"` })
    expect(missingForLocal({ directory, environment: { PATH: redis('7.0.15') } })).toEqual([])
    expect(missingForLocal({ directory, environment: { PATH: redis('6.2.14') } })).toHaveLength(1)
  })

  it('does not offer local on another system than Linux', () => {
    const settings = { directory: temporaryFolder(), environment: { PATH: programs({ mvn, python3: pythonWithPip }) } }
    expect(missingForLocal(settings, 'darwin').map(({ what }) => what)).toEqual([
      'it runs on Linux only, this is darwin',
    ])
  })

  it('tells the choice and its reason as progress', async () => {
    const lines: string[] = []
    const stack = await startStack('auto', {
      directory: temporaryFolder(),
      environment: { PATH: '' },
      progress: line => lines.push(line),
    })
    expect(stack).toMatchObject({ kind: 'embedded', addresses: null })
    expect(lines).toEqual([`stack embedded: ${stack.why}`])
    await stack.stop()
  })
})

describe('a local stack that cannot start', () => {
  it('names everything that is missing at once, each with its fix, and leaves nothing behind', async () => {
    const started = startStack('local', { directory: temporaryFolder(), environment: { PATH: '' } })
    await expect(started).rejects.toMatchObject({
      name: 'StackUnavailable',
      tried: 'start the local stack',
      missing: 'mvn (Maven) is not on PATH; python3 is not on PATH',
      fix: expect.stringMatching(/apt-get install maven.*python3-pip.*--stack embedded/),
    })
  })

  it('shows what a failing download printed, keeps none of it, and can be started again', async () => {
    const directory = temporaryFolder()
    const environment = {
      PATH: `${programs({ mvn: 'echo no route to repository; exit 1', python3: '[ "$3" = --version ]' })}:/usr/bin:/bin`,
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      const refusal = await startStack('local', { directory, environment }).catch((error: Error) => error)
      expect(refusal).toMatchObject({ name: 'StackUnavailable', tried: expect.stringContaining('download') })
    }
  })

  it('refuses a second start of the same instance, and names the process that runs it', async () => {
    const directory = temporaryFolder()
    const environment = {
      PATH: `${programs({ mvn: 'exec sleep 1', python3: '[ "$3" = --version ] || exec sleep 1' })}:/usr/bin:/bin`,
    }
    const first = startStack('local', { directory, environment }).catch((error: Error) => error)
    await new Promise(resolve => setTimeout(resolve, 300))
    await expect(startStack('local', { directory, environment })).rejects.toMatchObject({
      name: 'StackUnavailable',
      missing: `process ${process.pid} already runs it`,
    })
    await first
  })

  it('refuses an instance name that would leave its folder', async () => {
    const environment = { PATH: programs({ mvn, python3: pythonWithPip }) }
    await expect(
      startStack('local', { directory: temporaryFolder(), instance: '../other', environment }),
    ).rejects.toThrow("the stack instance '../other'")
  })
})

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { versions } from '../src/artifacts.ts'
import { startStack } from '../src/index.ts'
import { infra } from '../src/workspace.ts'
import { programs, temporaryFolder } from './folders.ts'

type Service = {
  readonly image: string
  readonly ports: readonly string[]
  readonly command?: string
  readonly environment?: Readonly<Record<string, string | number>>
  readonly healthcheck: { readonly test: readonly string[]; readonly interval: string; readonly retries: number }
}

const file = parse(readFileSync(path.join(infra, 'compose', 'compose.yaml'), 'utf8')) as {
  readonly services: Readonly<Record<string, Service>>
}
const services = Object.entries(file.services)

describe('compose.yaml', () => {
  it('has the three services', () => {
    expect(services.map(([name]) => name).sort()).toEqual(['kafka', 'redis', 'registry'])
  })

  it.each(services)('%s has an exact version, a loopback port and a health check', (_, service) => {
    expect(service.image).toMatch(/^[a-z/-]+:\d+\.\d+\.\d+$/)
    expect(service.ports).toHaveLength(1)
    expect(service.ports[0]).toMatch(/^127\.0\.0\.1:\$\{OFFERSTREAM_[A-Z]+_PORT:-\d+\}:\d+$/)
    expect(service.healthcheck.test[0]).toMatch(/^CMD(-SHELL)?$/)
    expect(service.healthcheck.retries).toBeGreaterThan(1)
  })

  it('runs the same Kafka and registry as the local stack', () => {
    expect(file.services['kafka']?.image).toBe(`apache/kafka:${versions.kafka}`)
    expect(file.services['registry']?.image).toBe(`apicurio/apicurio-registry:${versions.registry}`)
  })

  it('advertises Kafka where it is published, and lets Redis forget nothing', () => {
    const kafka = file.services['kafka']
    const published = /^127\.0\.0\.1:(.*):29092$/.exec(kafka?.ports[0] ?? '')?.[1]
    expect(kafka?.environment?.['KAFKA_ADVERTISED_LISTENERS']).toContain(`HOST://127.0.0.1:${published}`)
    expect(file.services['redis']?.command).toContain('--maxmemory-policy noeviction')
  })
})

describe('a compose stack that cannot start', () => {
  const start = (scripts: Readonly<Record<string, string>>) =>
    startStack('compose', { directory: temporaryFolder(), environment: { PATH: `${programs(scripts)}:/usr/bin:/bin` } })

  it('says that docker is missing', async () => {
    const started = startStack('compose', { directory: temporaryFolder(), environment: { PATH: '' } })
    await expect(started).rejects.toMatchObject({ name: 'StackUnavailable', missing: 'docker is not on PATH' })
  })

  it('says that no engine answers', async () => {
    const docker = 'echo Cannot connect to the Docker daemon >&2; exit 1'
    await expect(start({ docker })).rejects.toMatchObject({
      missing: 'no docker engine answers (Cannot connect to the Docker daemon)',
    })
  })

  it('says that compose is missing', async () => {
    const docker = '[ "$1" = version ] || { echo unknown command: docker compose >&2; exit 1; }'
    await expect(start({ docker })).rejects.toMatchObject({
      missing: 'docker has no compose (unknown command: docker compose)',
    })
  })

  it('shows what docker compose up complained about', async () => {
    const docker = 'case "$*" in *" up -d --wait") echo kafka is unhealthy >&2; exit 1;; esac'
    await expect(start({ docker })).rejects.toMatchObject({
      tried: 'start the compose stack',
      missing: 'kafka is unhealthy',
    })
  })
})

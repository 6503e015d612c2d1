import path from 'node:path'
import { type JavaChild, javaBinary, startCache, startJava } from './java.ts'
import type { Children } from './process.ts'

export type RegistryServer = { readonly port: number; readonly managementPort: number }

export async function startRegistry(
  server: RegistryServer,
  folders: { readonly java: string; readonly app: string },
  children: Children,
  environment: NodeJS.ProcessEnv,
): Promise<JavaChild> {
  const url = registryUrl(server.port)
  const program = {
    name: 'registry',
    options: ['-Xms64m', '-Xmx256m'],
    program: ['-jar', path.join(folders.app, 'quarkus-run.jar')],
    environment: {
      ...environment,
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: `${server.port}`,
      QUARKUS_MANAGEMENT_HOST: '127.0.0.1', // health and metrics, else on port 9000 of every interface
      QUARKUS_MANAGEMENT_PORT: `${server.managementPort}`,
      QUARKUS_LOG_LEVEL: 'WARN',
      QUARKUS_LOG_CATEGORY__IO_APICURIO__LEVEL: 'WARN',
      QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
      APICURIO_DATASOURCE_URL: `jdbc:h2:file:${path.join(children.directory, 'registry', 'registry')}`,
    },
    cache: { file: startCache(folders.java, folders.app), mayTrain: true },
  }
  const java = await startJava(
    javaBinary(folders.java),
    program,
    children,
    async () => (await fetch(`${url}/subjects`)).ok,
  )
  await requireBackward(url)
  return java
}

export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`
}

/** Apicurio checks nothing by default; every reader of ours relies on BACKWARD. */
export async function requireBackward(url: string): Promise<void> {
  const answer = await fetch(`${url}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ compatibility: 'BACKWARD' }),
  })
  if (!answer.ok)
    throw new Error(`the registry refused compatibility BACKWARD: ${answer.status} ${await answer.text()}`)
}

/** Its version, where it tells one: Apicurio does, others keep it to themselves. */
export async function registryVersion(url: string): Promise<string> {
  const answer = await fetch(new URL('/apis/registry/v3/system/info', url)).catch(() => undefined)
  const told = answer?.ok ? ((await answer.json()) as { version?: unknown }).version : undefined
  return typeof told === 'string' ? `apicurio ${told}` : 'unknown'
}

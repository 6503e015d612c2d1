// What every service's main.ts shares: connections from the settings, health and metrics, an orderly end.
import fastify, { type FastifyInstance } from 'fastify'
import pino, { type Logger } from 'pino'
import { startApiThread } from './api-thread.ts'
import { type Clock, createClock } from './clock.ts'
import { confluentRegistry } from './confluent-registry.ts'
import { failPoint } from './fail-point.ts'
import { collectRarely } from './garbage.ts'
import { kafkaLog } from './kafka-log.ts'
import type { Reach, Running } from './member.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { type Log, Refused, type Registry, type Store } from './ports.ts'
import type { FoldGuards } from './run-fold.ts'
import type { Settings } from './settings.ts'
import { storeOf } from './store-of.ts'

/** What a service runs on. In one process with others, log, store and registry are shared and the rest is its own. */
export type Surroundings = {
  readonly log: Log
  readonly store: Store
  readonly registry: Registry
  readonly clock: Clock
  readonly prefix: string
  readonly partitions: number
  readonly metrics?: Metrics
  readonly reach?: Reach
  readonly notice?: (line: string) => void
  readonly guards?: FoldGuards
  readonly batchRecords?: number
  readonly sessionTimeoutMs?: number
  readonly continueAfterRejects?: boolean
}

/** Opens what the settings name. */
function openSurroundings(
  service: string,
  settings: Settings,
): Surroundings & { readonly logger: Logger; readonly metrics: Metrics; close(): Promise<void> } {
  const logger = pino({ name: service, level: settings.text('OFFERSTREAM_LOG_LEVEL') }, pino.destination(2))
  const off = settings.list('OFFERSTREAM_GUARDS_OFF')
  const prefix = settings.text('OFFERSTREAM_PREFIX')
  const log = kafkaLog({
    brokers: settings.list('OFFERSTREAM_KAFKA_BROKERS'),
    clientId: service,
    onNotice: line => logger.warn(line),
  })
  const store = storeOf(settings)
  const [origin, since, speed] = settings.text('OFFERSTREAM_CLOCK').split('/').map(Number)
  const reach = failPoint(settings.text('OFFERSTREAM_FAIL_POINT'))
  return {
    log,
    store,
    registry: confluentRegistry({ host: settings.text('OFFERSTREAM_REGISTRY_URL') }),
    clock: speed === undefined ? createClock() : createClock({ origin: origin!, since: since!, speed }),
    prefix,
    partitions: settings.number('OFFERSTREAM_PARTITIONS'),
    metrics: createMetrics(service),
    ...(reach === null ? {} : { reach }),
    notice: line => logger.warn(line),
    guards: { causes: !off.includes('causes'), saveFirst: !off.includes('save-first') },
    batchRecords: settings.number('OFFERSTREAM_BATCH_RECORDS'),
    sessionTimeoutMs: settings.number('OFFERSTREAM_SESSION_TIMEOUT_MS'),
    continueAfterRejects: settings.flag('OFFERSTREAM_CONTINUE_AFTER_REJECTS'),
    logger,
    async close() {
      await log.close()
      await store.close()
    },
  }
}

/** Health that means progress, and metrics, on a server that a service may add its API to. */
export function statusServer(running: Running, metrics: Metrics): FastifyInstance {
  const server = fastify()
  server.get('/health', async (_request, reply) => {
    const health = await running.health()
    return reply.code(health.ok ? 200 : 503).send(health)
  })
  server.get('/metrics', async (_request, reply) => reply.type('text/plain').send(await metrics.page()))
  return server
}

/** What a service cannot start without must answer now; once it runs, it waits for what goes away. */
async function probe({ log, store, registry }: Surroundings): Promise<void> {
  const missing: string[] = []
  const ask = async (setting: string, question: Promise<unknown>): Promise<void> => {
    await question.catch(error => missing.push(`${(error as Error).message} (${setting})`))
  }
  await Promise.all([
    ask('OFFERSTREAM_KAFKA_BROKERS', log.topicNames()),
    ask('OFFERSTREAM_REDIS_URL', store.peekProgress('probe', 0)),
    ask('OFFERSTREAM_REGISTRY_URL', registry.schema(1)),
  ])
  if (missing.length > 0)
    throw new Refused(
      `${missing.join('\n')}\nStart it, or correct the setting; \`offerstream doctor\` looks at all of them.`,
    )
}

/** An API beside health and metrics: routes in this thread, or a module that calls `serveApi` in one of its own. */
type Api = ((server: FastifyInstance, surroundings: Surroundings) => void) | URL

/**
 * Runs a service as a process: starts it, serves health and metrics, drains on SIGTERM and SIGINT. Ends with exit code 0
 * after a drain, 1 with a message when it could not start or go on.
 */
export async function serve(
  service: string,
  settings: Settings,
  start: (surroundings: Surroundings) => Promise<Running>,
  api?: Api,
): Promise<void> {
  collectRarely()
  const surroundings = openSurroundings(service, settings)
  const { logger } = surroundings
  const fail = (error: unknown): never => {
    const { name, message, stack } = error as Error
    // A refusal says what to do; of a bug one wants to know where it is.
    if (error instanceof Refused) process.stderr.write(`${service}: ${message}\n`)
    else logger.fatal({ name, stack }, message)
    process.exit(1)
  }
  const running = await probe(surroundings)
    .then(() => start(surroundings))
    .catch(fail)
  const server = statusServer(running, surroundings.metrics)
  const thread = api instanceof URL ? await startApiThread(api, server).catch(fail) : null
  if (typeof api === 'function') api(server, surroundings)
  const address =
    thread?.address ??
    (await server.listen({
      host: settings.text('OFFERSTREAM_HTTP_HOST'),
      port: settings.number('OFFERSTREAM_HTTP_PORT'),
    }))
  logger.info(`${service} is running; health and metrics at ${address}`)
  const stop = async (): Promise<void> => {
    logger.info('draining')
    await running.stop()
    await thread?.close()
    await server.close()
    await surroundings.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop().catch(fail))
  await Promise.race([running.done, ...(thread === null ? [] : [thread.done.then(() => running.done)])]).catch(fail)
}

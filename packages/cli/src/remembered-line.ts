// Where the last line ran, so that explain, topics and replay find it without being told.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Addresses, type Stack, type StackKind, StackUnavailable, startStack } from '@offerstream/stack'

const root = join(import.meta.dirname, '..', '..', '..')
const file = join(root, '.local', 'last-line.json')

export type RememberedLine = {
  readonly kind: StackKind
  readonly instance: string
  readonly prefix: string
  readonly partitions: number
  readonly addresses: Addresses | null
}

export function rememberLine(line: RememberedLine): void {
  mkdirSync(join(root, '.local'), { recursive: true })
  writeFileSync(file, JSON.stringify(line))
}

/**
 * The stack of the last line: the running one where it still runs, else started again on its data. With `orNew` a line
 * that left nothing behind is no error: the data is about to be written.
 */
export async function reopenLine(
  asked: StackKind | 'auto',
  progress: (line: string) => void,
  orNew = false,
): Promise<{ stack: Stack; line: RememberedLine }> {
  // Addresses in the environment are meant.
  const isTold = process.env['OFFERSTREAM_KAFKA_BROKERS'] !== undefined
  const line = existsSync(file) && !isTold ? (JSON.parse(readFileSync(file, 'utf8')) as RememberedLine) : null
  if (line === null || (asked !== 'auto' && asked !== line.kind) || (orNew && line.addresses === null)) {
    const stack = await startStack(asked, { progress })
    return {
      stack,
      line: {
        kind: stack.kind,
        instance: 'default',
        prefix: process.env['OFFERSTREAM_PREFIX'] ?? '',
        partitions: Number(process.env['OFFERSTREAM_PARTITIONS'] ?? 12),
        addresses: stack.addresses,
      },
    }
  }
  if (line.addresses === null)
    throw new StackUnavailable({
      tried: 'look at the last line',
      missing: 'it ran embedded, and its data went with its process',
      fix: 'run it again with --stack local, or use --keep and its API',
    })
  try {
    return { stack: await reach(line.addresses), line }
  } catch (error) {
    if (!(error instanceof StackUnavailable) || line.kind !== 'local') throw error
    return { stack: await startStack('local', { instance: line.instance, progress }), line }
  }
}

/** The last line where its stack still answers, else null: nothing is started. */
export async function runningLine(): Promise<{ stack: Stack; line: RememberedLine } | null> {
  if (process.env['OFFERSTREAM_KAFKA_BROKERS'] !== undefined) return reopenLine('external', () => {})
  const line = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RememberedLine) : null
  if (line === null || line.addresses === null) return null
  try {
    return { stack: await reach(line.addresses), line }
  } catch (error) {
    if (error instanceof StackUnavailable) return null
    throw error
  }
}

function reach({ brokers, redis, registry }: Addresses): Promise<Stack> {
  const environment = {
    OFFERSTREAM_KAFKA_BROKERS: brokers.join(),
    OFFERSTREAM_REDIS_URL: redis,
    OFFERSTREAM_REGISTRY_URL: registry,
  }
  return startStack('external', { environment, progress: () => {} })
}

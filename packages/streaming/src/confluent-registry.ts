// A registry that speaks Confluent's API: Confluent, Apicurio (…/apis/ccompat/v7), Redpanda, Karapace.
import { setTimeout as sleep } from 'node:timers/promises'
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { LRUCache } from 'lru-cache'
import { assertBackward } from './memory-registry.ts'
import { IncompatibleSchema, Refused, type Registry, Transient } from './ports.ts'

export type ConfluentRegistryOptions = {
  /** With its path, for example `http://127.0.0.1:8080/apis/ccompat/v7`. */
  readonly host: string
  readonly username?: string
  readonly password?: string
  /** How long it may take to answer. */
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 5000
const unknownForMs = 60_000 // an id nobody registered is asked for again after this long
const unknownRemembered = 1000
const lookUps = { atOnce: 20, everyMs: 20 } // of ids not seen before: poisoned records must not become a flood of requests

/** Compatibilities under which a new schema reads what the last one wrote. */
const readsBack: readonly string[] = ['BACKWARD', 'BACKWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE']

/** What was learnt once holds for ever, so known schemas go on while the registry is down. */
export function confluentRegistry(options: ConfluentRegistryOptions): Registry {
  const host = options.host.replace(/\/+$/, '')
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  const auth =
    options.username === undefined ? undefined : { username: options.username, password: options.password ?? '' }
  const client = new SchemaRegistry({ host, retry: { retries: 0 }, ...(auth && { auth }) })
  const call = caller(host, timeoutMs, auth)

  const registered = new Map<string, number>()
  const schemas = new Map<number, string>()
  const unknown = new LRUCache<number, true>({ max: unknownRemembered, ttl: unknownForMs })
  const asking = new Map<number, Promise<string | null>>()
  const turn = pace(lookUps)

  const ask = async (id: number): Promise<string | null> => {
    await turn()
    const answer = await call('GET', `/schemas/ids/${id}`)
    if (answer.status === 404 && answer.body.error_code === 40403) {
      unknown.set(id, true)
      return null
    }
    const schema = expected(answer).schema as string
    schemas.set(id, schema)
    return schema
  }

  return {
    async register(subject, schema) {
      const name = `${subject} ${schema}`
      const known = registered.get(name)
      if (known !== undefined) return known
      const compatibility = await ensureReadsBack(call, subject)
      try {
        const registering = client.register(
          { type: SchemaType.AVRO, schema },
          { subject, compatibility, updateConfig: false },
        )
        const { id } = await within(timeoutMs, registering, host)
        registered.set(name, id)
        schemas.set(id, schema)
        return id
      } catch (error) {
        const { status } = error as { status?: number }
        if (status === 409) throw await incompatible(call, subject, schema, error as Error)
        if (status === undefined || error instanceof Transient) throw error
        // The client answers 400 also when it could not connect: asking plainly tells the one from the other.
        await ensureReadsBack(call, subject)
        throw unexpected(host, `register ${subject}`, status, (error as Error).message)
      }
    },
    async schema(id) {
      const known = schemas.get(id)
      if (known !== undefined) return known
      if (id <= 0 || unknown.has(id)) return null
      const asked = asking.get(id) ?? ask(id).finally(() => asking.delete(id))
      asking.set(id, asked)
      return asked
    },
  }
}

/** A stricter rule that somebody set on the subject stays; without one, or with a laxer one, BACKWARD is set. */
async function ensureReadsBack(call: Call, subject: string): Promise<COMPATIBILITY> {
  const path = `/config/${encodeURIComponent(subject)}`
  for (let tries = 1; ; tries++) {
    const answer = await call('GET', path)
    const level = answer.status === 404 ? undefined : String(expected(answer).compatibilityLevel)
    if (level !== undefined && readsBack.includes(level)) return level as COMPATIBILITY
    const set = await call('PUT', path, { compatibility: COMPATIBILITY.BACKWARD })
    // Services that start together set the same rule: who comes second looks again.
    if (set.status === 409 && tries < 5) continue
    expected(set)
    return COMPATIBILITY.BACKWARD
  }
}

/** Registries word their refusals differently, some without the field; our own check of the same pair names it. */
async function incompatible(call: Call, subject: string, schema: string, refusal: Error): Promise<IncompatibleSchema> {
  const answer = expected(await call('GET', `/subjects/${encodeURIComponent(subject)}/versions/latest`))
  try {
    assertBackward(subject, schema, { schema: String(answer.schema), version: Number(answer.version) })
  } catch (error) {
    if (error instanceof IncompatibleSchema) return error
    throw error
  }
  return new IncompatibleSchema(
    `subject ${subject}: the registry refuses the new schema (reader) beside version ${answer.version} (writer) and those before it: ${refusal.message}`,
    { cause: refusal },
  )
}

type Body = { readonly [field: string]: unknown }
type Answer = { readonly request: string; readonly host: string; readonly status: number; readonly body: Body }
type Call = (method: 'GET' | 'PUT', path: string, body?: Body) => Promise<Answer>

function caller(host: string, timeoutMs: number, auth?: { username: string; password: string }): Call {
  const headers = {
    'content-type': 'application/vnd.schemaregistry.v1+json',
    ...(auth && {
      authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`,
    }),
  }
  return async (method, path, body) => {
    try {
      const signal = AbortSignal.timeout(timeoutMs)
      const response = await fetch(host + path, {
        method,
        headers,
        signal,
        ...(body && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return { request: `${method} ${path}`, host, status: response.status, body: parsed(text) }
    } catch (error) {
      const { message, cause } = error as Error
      throw new Transient(`registry ${host}: ${(cause as Error | undefined)?.message || message}`, { cause: error })
    }
  }
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text) as Body
  } catch {
    return { message: text.slice(0, 200) }
  }
}

function expected(answer: Answer): Body {
  if (answer.status === 200) return answer.body
  throw unexpected(answer.host, answer.request, answer.status, String(answer.body['message'] ?? ''))
}

function unexpected(host: string, request: string, status: number, message: string): Error {
  const told = `registry ${host}: ${request} was answered ${status} ${message}`.trimEnd()
  if (status >= 500 || status === 408 || status === 429) return new Transient(told)
  if (status === 401 || status === 403) return new Refused(`${told}. Check user and password`)
  if (status === 404) return new Refused(`${told}. Check the address, path included`)
  return new Error(told)
}

async function within<T>(timeoutMs: number, work: Promise<T>, host: string): Promise<T> {
  const done = new AbortController()
  const late = sleep(timeoutMs, undefined, { signal: done.signal }).then(() => {
    throw new Transient(`registry ${host}: no answer within ${timeoutMs} ms`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    done.abort()
  }
}

/** So many at once, and after them one at a time. */
function pace({ atOnce, everyMs }: typeof lookUps): () => Promise<void> {
  let last = Number.NEGATIVE_INFINITY
  return async () => {
    const now = performance.now()
    last = Math.max(last, now - atOnce * everyMs) + everyMs
    if (last > now) await sleep(last - now)
  }
}

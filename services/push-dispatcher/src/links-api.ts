// What comes back by links: clicks, the service worker's beacons, and the way out (RFC 8058). Each becomes an engagement in
// the source topic, as if a system of the company's had told of it, and goes the way of all events from there.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engagement, PlaybookRecord } from '@offerstream/contracts'
import {
  type Following,
  follow,
  openTopic,
  partitionOf,
  type Store,
  type Surroundings,
  type Topic,
} from '@offerstream/streaming'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { readLedger } from './ledger-view.ts'
import type { Linked, LinkPurpose, Links } from './links.ts'

/** A wildcard, because fastify takes parameters of 100 characters only. */
type Asked = { Params: { '*': string } }
type Kind = 'displayed' | 'clicked' | 'dismissed' | 'unsubscribed'
type Around = Pick<Surroundings, 'log' | 'registry' | 'clock' | 'prefix' | 'metrics' | 'notice'> & {
  readonly store: Pick<Store, 'peek'>
}

const dismissed = '/dismissed'

/** Whoever clicks waits no longer for the log; the click is written when it can be. */
const clickWaitMs = 1000
/** The customer is told that it is done only once it is. */
const unsubscribeWaitMs = 10_000
/** Repeats that come before the ledger knows of the first. */
const recentKept = 10_000

/** `GET /c/TOKEN`, `POST /d/TOKEN` and `/d/TOKEN/dismissed`, `GET` and `POST /u/TOKEN`. */
export function addLinkRoutes(server: FastifyInstance, links: Links, around: Around): void {
  const { log, store, registry, clock, prefix, metrics, notice } = around
  const count = (outcome: string): void => metrics?.record('offerstream_links_total', 1, outcome)
  let engagements: Topic<Engagement>
  let following: Following | null = null
  const destinations = new Map<string, string | null>()
  server.addHook('onReady', async () => {
    engagements = await openTopic(registry, 'engagements', prefix)
    const see = ({ body }: PlaybookRecord): void => {
      if (body.type === 'item') destinations.set(body.name, body.link)
    }
    following = await follow(log, await openTopic(registry, 'playbook', prefix), see, notice)
  })
  server.addHook('onClose', () => following?.stop())

  const recent = new Map<string, Promise<void>>()
  /** Writes what happened unless that is known already; written twice all the same, it has the same id. */
  const tell = async (linked: Linked, kind: Kind): Promise<'counted' | 'repeated'> => {
    const id = `${linked.offer}/${kind}`
    const known = recent.get(id)
    if (known !== undefined) {
      await known
      return 'repeated'
    }
    const partitions = (await log.bounds(engagements.path)).length
    if (await isKnown(store, partitions, linked, kind)) return 'repeated'
    // Another request may have come as far meanwhile.
    const isFirst = !recent.has(id)
    const written = recent.get(id) ?? write(id, linked, kind, partitions)
    recent.set(id, written)
    if (recent.size > recentKept) recent.delete(recent.keys().next().value!)
    await written.catch(error => {
      recent.delete(id)
      throw error
    })
    return isFirst ? 'counted' : 'repeated'
  }
  const write = (id: string, { offer, customer, item, channel }: Linked, kind: Kind, partitions: number) => {
    const value: Engagement = {
      type: 'engagement',
      id,
      customer,
      at: Math.floor(clock.now()),
      kind,
      surface: channel === 'push' || channel === 'email' ? channel : 'other',
      offer,
      item,
      interaction: null,
    }
    const record = { key: customer, value: engagements.codec.encode(value) }
    return log.append(engagements.path, partitionOf(customer, partitions), [record])
  }

  /** Of what cannot be opened nobody is told more than that. */
  const opened = (
    request: FastifyRequest<Asked>,
    reply: FastifyReply,
    purpose: LinkPurpose,
    ending = '',
  ): Linked | null => {
    const token = request.params['*']
    const linked = links.open(
      purpose,
      token.endsWith(ending) ? token.slice(0, token.length - ending.length) : token,
      clock.now(),
    )
    if (typeof linked === 'object') return linked
    count(linked)
    if (linked === 'expired') page(reply, 410, 'This offer has ended.')
    else page(reply, 404, 'There is nothing here.')
    return null
  }

  server.route<Asked>({
    method: ['GET', 'HEAD'],
    url: '/c/*',
    async handler(request, reply) {
      const linked = opened(request, reply, 'offer')
      if (linked === null) return reply
      if (isNoClick(request)) count('looked-ahead')
      else {
        const told = tell(linked, 'clicked').then(
          outcome => count(`clicked-${outcome}`),
          error => {
            count('clicked-unwritten')
            notice?.(`a click was not written: ${(error as Error).message}`)
          },
        )
        await Promise.race([told, sleep(clickWaitMs, undefined, { ref: false })])
      }
      const to = destinations.get(linked.item) ?? null
      if (to === null || !isSafe(to)) return page(reply, 200, 'Thank you. This offer waits for you in the app.')
      return reply.headers(privately).redirect(to, 302)
    },
  })

  server.register(async scope => {
    // What browsers and mail programs post says nothing that the address does not.
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 4096 }, (_request, _body, end) => end(null))
    scope.post<Asked>('/d/*', async (request, reply) => {
      const linked = opened(request, reply, 'offer', dismissed)
      if (linked === null) return reply
      const kind = request.params['*'].endsWith(dismissed) ? 'dismissed' : 'displayed'
      count(`${kind}-${await tell(linked, kind)}`)
      return reply.code(204).headers(privately).send()
    })
    scope.get<Asked>('/u/*', async (request, reply) => {
      if (opened(request, reply, 'unsubscribe') === null) return reply
      return page(reply, 200, 'Do you want no more offers here?', '<form method="post"><button>No more</button></form>')
    })
    scope.post<Asked>('/u/*', async (request, reply) => {
      const linked = opened(request, reply, 'unsubscribe')
      if (linked === null) return reply
      const late = sleep(unsubscribeWaitMs, 'unwritten' as const, { ref: false })
      const outcome = await Promise.race([tell(linked, 'unsubscribed'), late]).catch(() => 'unwritten' as const)
      count(`unsubscribed-${outcome}`)
      if (outcome === 'unwritten') return page(reply, 503, 'That did not work. Please try again in a minute.')
      return page(reply, 200, 'You will get no more offers here.')
    })
  })
}

/** Whether the ledger has come so far already. */
async function isKnown(
  store: Pick<Store, 'peek'>,
  partitions: number,
  { offer, customer }: Linked,
  kind: Kind,
): Promise<boolean> {
  if (kind !== 'displayed' && kind !== 'clicked') return false
  const ledger = await readLedger(store, partitions, customer)
  const state = ledger?.entries.find(({ id }) => id === offer)?.state
  return state === 'clicked' || state === kind
}

/** Programs that look at the links of a message in the place of, or before, whoever it is for. */
const lookers =
  /facebookexternalhit|facebot|whatsapp|slackbot|slack-imgproxy|twitterbot|telegrambot|discordbot|linkedinbot|skypeuripreview|google-safety|googlebot|bingbot|bingpreview|applebot|yahoomailproxy|barracuda|proofpoint|mimecast/i

/** A `HEAD`, a browser's prefetch or preview (`Sec-Purpose` and what came before it), or a program known for it. */
function isNoClick({ method, headers }: FastifyRequest): boolean {
  if (method === 'HEAD') return true
  const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].map(name => String(headers[name] ?? ''))
  return purposes.some(value => /prefetch|prerender|preview/i.test(value)) || lookers.test(headers['user-agent'] ?? '')
}

/** The catalogue was checked when it was published; that nobody is sent to a script is worth a second look. */
const isSafe = (link: string): boolean => URL.canParse(link) && new URL(link).protocol === 'https:'

/** Kept nowhere, told nobody. */
const privately = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex',
} as const

const page = (reply: FastifyReply, status: number, text: string, more = ''): FastifyReply =>
  reply
    .code(status)
    .headers({ ...privately, 'content-security-policy': "default-src 'none'; form-action 'self'" })
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Offers</title><p>${text}</p>${more}</html>`,
    )

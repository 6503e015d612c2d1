// E-mail by SMTP, with a way out that mail programs offer in one click (RFC 2369, RFC 8058).
import { createTransport } from 'nodemailer'
import type { Answer, Provider } from './provider.ts'

export type EmailOptions = {
  /** `smtps://user:password@host` or `smtp://host:port`. */
  readonly url: string
  /** For example `Offers <offers@example.org>`. */
  readonly from: string
  /** Certificates to trust beside the usual ones. */
  readonly ca?: string
  readonly timeoutMs?: number
  /** Connections at once. */
  readonly connections?: number
}

export function emailProvider(options: EmailOptions): Provider<'email'> {
  const { url, from, ca, timeoutMs = 30_000, connections = 4 } = options
  const { host } = new URL(url)
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: connections,
    // What the connection was lost with may have been taken.
    maxRequeues: 0,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(ca === undefined ? {} : { tls: { ca } }),
  })
  return {
    name: 'email',
    takes: 'email',
    origin: () => host,
    async send({ address, message, collapseId }, signal) {
      const { title, text, locale, link, unsubscribe } = message
      const way = unsubscribe === null ? {} : wayOut(unsubscribe)
      const sending = transport.sendMail({
        from,
        to: { name: '', address: address.address },
        subject: title,
        text: link === null ? text : `${text}\n\n${link}`,
        // The same for every try: a mailbox that sees it twice can tell.
        messageId: `<${collapseId}@${domainOf(from)}>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': locale, ...way },
      })
      try {
        await Promise.race([sending, ended(signal)])
        return { kind: 'accepted' }
      } catch (error) {
        sending.catch(() => {})
        return meaningOf(error)
      }
    },
    close() {
      transport.close()
    },
  }
}

const wayOut = (url: string) => ({
  'List-Unsubscribe': `<${url}>`,
  'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
})

const domainOf = (from: string): string => /@([^\s>]+)/.exec(from)?.[1] ?? 'localhost'

const ended = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/** The table of answers: 4xx is worth another try, 5xx is not, and an unknown mailbox is dead (RFC 5321, RFC 3463). */
export function meaningOf(error: unknown): Answer {
  const {
    code,
    responseCode,
    response = '',
    syscall,
  } = error as {
    code?: string
    responseCode?: number
    response?: string
    syscall?: string
  }
  if (code === 'EAUTH') return { kind: 'our-key', reason: `answered-${responseCode ?? 535}` }
  if (responseCode !== undefined) {
    const enhanced = /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(response)?.[0]
    if (responseCode >= 500)
      return responseCode === 550 && (enhanced === '5.1.1' || enhanced === '5.1.10')
        ? { kind: 'gone', since: null }
        : { kind: 'refused', reason: `answered-${responseCode}` }
    return { kind: 'unavailable', reason: `answered-${responseCode}`, retryAfterMs: null }
  }
  // Once there is a connection nobody tells how far it got.
  if (syscall === 'connect' || code === 'EDNS' || code === 'ETLS')
    return { kind: 'unavailable', reason: 'unreachable', retryAfterMs: null }
  if (code === 'ETIMEDOUT' || error instanceof DOMException) return { kind: 'unknown', reason: 'timed-out' }
  if (code === 'ECONNECTION' || code === 'ESOCKET') return { kind: 'unknown', reason: 'connection-lost' }
  if (code === 'EENVELOPE' || code === 'EMESSAGE') return { kind: 'refused', reason: 'malformed-address' }
  throw error
}

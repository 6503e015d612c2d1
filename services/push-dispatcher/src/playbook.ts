// Of the playbook, what binds at the door: kill switches and the contact policy.
import { applyRecord, contactPolicyOf, emptyPlaybook, passOver } from '@offerstream/catalogue'
import type { ContactPolicy, KillSwitch, NextBestOffer, PlaybookRecord } from '@offerstream/contracts'
import { type Log, read, type Topic } from '@offerstream/streaming'

export type PlaybookView = {
  readonly policy: ContactPolicy
  /** Why nothing of this may be sent by the provider, or by any where none is named; null where it may. */
  killed(offer: NextBestOffer, provider: string | null): string | null
  /** Reads what was added, unless it looked less than `maxAgeMs` ago. */
  refresh(): Promise<void>
}

const maxAgeMs = 250

export function createPlaybookView(
  log: Log,
  playbook: Topic<PlaybookRecord>,
  notice: (line: string) => void = () => {},
): PlaybookView {
  let known = emptyPlaybook
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | null = null

  const look = async (): Promise<void> => {
    const began = performance.now()
    const end = (await log.bounds(playbook.path))[0]!.next
    if (end > known.version + 1)
      for await (const messages of log.read(playbook.path, 0, known.version + 1, end)) {
        await playbook.codec.learn(messages.map(message => message.value))
        for (const message of messages) {
          const reading = read(playbook.codec, message)
          if ('value' in reading && binds(reading.value)) known = applyRecord(known, reading.value, message.offset)
          else known = passOver(known, message.offset)
          if ('outcome' in reading) notice(`playbook record ${message.offset} cannot be read and binds nobody`)
        }
      }
    lookedAt = began
  }

  return {
    get policy() {
      return contactPolicyOf(known)
    },
    killed(offer, provider) {
      for (const each of known.killSwitches.values())
        if (each.on && stops(each, offer, provider)) return `kill-switch-${each.scope}`
      return null
    },
    async refresh() {
      if (performance.now() - lookedAt < maxAgeMs) return
      looking ??= look().finally(() => {
        looking = null
      })
      await looking
    },
  }
}

/** Items, models and experiments are not the dispatcher's business. */
const binds = ({ body }: PlaybookRecord): boolean => body.type === 'kill_switch' || body.type === 'contact_policy'

function stops({ scope, target }: KillSwitch, offer: NextBestOffer, provider: string | null): boolean {
  switch (scope) {
    case 'global':
      return true
    case 'provider':
      return provider !== null && target === provider
    case 'item':
      return target === offer.item
    case 'campaign':
      return target === offer.trigger.event || target === offer.trigger.kind
  }
}

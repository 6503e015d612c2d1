import type { Message, Outgoing } from './ports.ts'

/** The topic that takes what nobody can handle of `path`. */
export const deadLettersOf = (path: string): string => `${path}.dead-letters`

/** The bytes as they were read, with why and whence in the headers. */
export function deadLetter(service: string, path: string, message: Message, reason: string): Outgoing {
  return {
    key: message.key,
    value: message.value,
    cause: message.cause,
    headers: { ...message.headers, reason, service, source: `${path}/${message.partition}/${message.offset}` },
  }
}

import { externalNames, namedExternals } from './external.ts'
import { missingForLocal } from './prerequisites.ts'
import type { StackSettings } from './settings.ts'
import type { StackKind } from './stack.ts'

/** What `auto` means here: external when addresses are set, else local when its prerequisites are there, else embedded. */
export function choose(settings: Pick<StackSettings, 'directory' | 'environment'>): {
  readonly kind: StackKind
  readonly why: string
} {
  const named = namedExternals(settings.environment)
  if (named.length > 0) {
    const all = named.length === externalNames.length
    return {
      kind: 'external',
      why: all ? 'the addresses of all three services are set' : `${named.join(' and ')} is set`,
    }
  }
  const missing = missingForLocal(settings)
  if (missing.length === 0)
    return { kind: 'local', why: 'no addresses are set and this machine has what a local stack needs' }
  return {
    kind: 'embedded',
    why: `no addresses are set and a local stack is not possible here: ${missing.map(one => one.what).join('; ')}`,
  }
}

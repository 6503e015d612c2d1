import { applyRecord, checkRecord, emptyPlaybook, type Playbook, passOver } from '@offerstream/catalogue'
import type { PlaybookRecord } from '@offerstream/contracts'
import { names } from '@offerstream/features'

/** The playbook as it was at each version, by the rules of who follows the topic: a wrong record is passed over. */
export function playbookVersions(
  records: Iterable<{ readonly record: PlaybookRecord; readonly offset: number }>,
): (version: number) => Playbook {
  const all = [...records]
  let at = 0
  let playbook = emptyPlaybook
  return version => {
    // Versions mostly rise; one that lies before is reached from the beginning.
    if (version < playbook.version) {
      at = 0
      playbook = emptyPlaybook
    }
    for (; at < all.length && all[at]!.offset <= version; at++) {
      const { record, offset } = all[at]!
      playbook =
        checkRecord(record, names, playbook).length > 0
          ? passOver(playbook, offset)
          : applyRecord(playbook, record, offset)
    }
    return playbook
  }
}

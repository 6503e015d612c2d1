import { applyRecord, checkRecord, emptyPlaybook, type Playbook, passOver } from '@offerstream/catalogue'
import { names } from '@offerstream/features'
import { type Following, follow, openTopic, type Surroundings } from '@offerstream/streaming'

/** The playbook as it is now; what the scorer passes over is passed over here too, so that stamps and decisions go by the same. */
export async function followPlaybook({
  log,
  registry,
  prefix,
  notice,
}: Pick<Surroundings, 'log' | 'registry' | 'prefix' | 'notice'>): Promise<
  Following & { readonly path: string; current(): Playbook }
> {
  const topic = await openTopic(registry, 'playbook', prefix)
  let playbook = emptyPlaybook
  const following = await follow(
    log,
    topic,
    (record, { offset }) => {
      const wrong = checkRecord(record, names, playbook).length > 0
      playbook = wrong ? passOver(playbook, offset) : applyRecord(playbook, record, offset)
    },
    notice,
  )
  const current = (): Playbook => {
    following.check()
    return playbook
  }
  return { ...following, path: topic.path, current }
}

// Intake and updater over any stack, with customers whose profiles they know and usage that goes on.
import type { FeatureUpdate, PlaybookRecord } from '@offerstream/contracts'
import { createWorld, customerRecords, playbookRecords } from '@offerstream/simulator'
import type { Stack } from '@offerstream/stack'
import { ensureTopics, openTopic } from '@offerstream/streaming'
import { startLine } from '../src/line.ts'
import { createOutput } from '../src/output.ts'
import { createSourceWriter } from '../src/source-writer.ts'
import { surroundingsOf } from '../src/surroundings.ts'

export const output = { ...createOutput(true), progress: () => {} }
/** An output that ends the run once so many customers were read. */
export const stopsAt = (customers: number, stopping: AbortController): typeof output => ({
  ...output,
  bar: () => ({ update: value => void (value >= customers && stopping.abort()), stop() {} }),
})
const start = Date.UTC(2026, 2, 2, 9)
const partitions = 4
const prefix = 'campaign.'

export async function createCampaignLine(stack: Stack, count: number) {
  const surroundings = surroundingsOf(stack, { prefix, partitions, clock: { now: () => start } })
  const { log, registry } = surroundings
  await ensureTopics(log, { prefix, partitions, sources: true })
  const playbook = await openTopic(registry, 'playbook', prefix)
  const put = (...records: readonly PlaybookRecord[]): Promise<void> =>
    log.append(
      playbook.path,
      0,
      records.map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
    )
  const records = playbookRecords({ start })
  await put(...records)
  const line = await startLine(surroundings, { models: '', stack, services: ['intake', 'feature-updater'] })
  const writer = await createSourceWriter(surroundings)
  const profiles = [...customerRecords(createWorld({ seed: 7, customers: count, start, preset: 'lively' }))]
  for (const profile of profiles) await writer.write('customers', profile, Date.now())
  await writer.flush()
  const drained = async (): Promise<void> => {
    if (!(await line.drained(60_000))) throw new Error('the line did not come to rest')
  }
  await drained()

  return {
    surroundings,
    profiles,
    drained,
    /** The plan's price from now on. */
    async price(plan: string, priceMinor: number): Promise<void> {
      const body = records.map(record => record.body).find(each => each.type === 'item' && each.name === plan)
      if (body?.type !== 'item') throw new Error(`no plan ${plan}`)
      await put({ at: start, body: { ...body, priceMinor } })
    },
    /** Usage of a hundred customers, over and over, until the answer is called. */
    traffic(): () => Promise<number> {
      let isOn = true
      let sent = 0
      const sending = (async () => {
        while (isOn) {
          for (const { customer } of profiles.slice(0, 100)) {
            const use = { dataKb: 1, seconds: 0, texts: 0, overageMinor: 0, roaming: false }
            const head = { id: `u-${sent++}`, customer, at: start }
            await writer.write('usage', { type: 'usage', kind: 'data', ...head, ...use }, Date.now())
          }
          await writer.flush()
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      })()
      return async () => {
        isOn = false
        await sending
        return sent
      }
    },
    /** Updates of a kind of trigger, without what an owner published again. */
    async updates(kind: string): Promise<FeatureUpdate[]> {
      const topic = await openTopic(registry, 'feature-updates', prefix)
      const found = new Map<string, FeatureUpdate>()
      for (let partition = 0; partition < partitions; partition++)
        for await (const messages of log.read(topic.path, partition, 0)) {
          await topic.codec.learn(messages.map(({ value }) => value))
          for (const { value } of messages) {
            const update = topic.codec.decode(value!)
            if (update.trigger.kind === kind) found.set(update.id, update)
          }
        }
      return [...found.values()]
    },
    async stop(): Promise<void> {
      await line.stop()
      await surroundings.close()
      await stack.stop()
    },
  }
}

export type CampaignLine = Awaited<ReturnType<typeof createCampaignLine>>

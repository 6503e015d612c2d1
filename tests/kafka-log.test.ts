import { startBrokers } from '@offerstream/stack'
import { kafkaLog } from '@offerstream/streaming'
import { logConformance } from '../packages/streaming/test/log-conformance.ts'

logConformance('Kafka', async () => {
  const cluster = await startBrokers(1, { instance: `log-${process.pid}` })
  const log = kafkaLog({ brokers: cluster.brokers })
  return {
    log,
    async close() {
      await log.close()
      await cluster.stop()
    },
  }
})

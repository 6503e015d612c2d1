import { memoryLog } from '../src/index.ts'
import { logConformance } from './log-conformance.ts'

logConformance('memory', async () => {
  const log = memoryLog()
  return { log, close: () => log.close() }
})

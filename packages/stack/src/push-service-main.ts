// The push service alone in a process: node push-service-main.ts [port] [log file]. It prints its address once it listens.
import { startPushService } from './push-service.ts'

const [port = '0', log] = process.argv.slice(2)
const service = await startPushService({ port: Number(port), ...(log === undefined ? {} : { log }) })
process.stdout.write(`${JSON.stringify({ url: service.url })}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void service.stop())

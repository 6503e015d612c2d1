// The push service alone in a process: node push-service-main.ts [port] [log file] [key file] [certificate file]. It prints its address once it listens.
import { readFileSync } from 'node:fs'
import { startPushService } from './push-service.ts'

const [port = '0', log, key, cert] = process.argv.slice(2)
const tls =
  key === undefined || cert === undefined
    ? {}
    : { tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') } }
const service = await startPushService({ port: Number(port), ...(log === undefined ? {} : { log }), ...tls })
process.stdout.write(`${JSON.stringify({ url: service.url })}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void service.stop())

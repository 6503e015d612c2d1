// Asks for features at the moments intended, whatever became of what was asked before: an open loop.
import { Agent, get } from 'node:http'
import { build } from 'hdr-histogram-js'

type Settings = { readonly port: number; readonly customers: readonly string[] }
type Phase = { readonly rate: number; readonly seconds: number }

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
let settings: Settings | null = null

/** Resolves with the status once the whole answer is here. */
const ask = (port: number, customer: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: `/customers/${customer}/features`, agent }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
    }).on('error', reject)
  })

process.on('message', async (message: Settings | Phase) => {
  if ('port' in message) {
    settings = message
    process.send!({ event: 'ready' })
    return
  }
  const { port, customers } = settings!
  const { rate, seconds } = message
  const latencies = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 })
  const count = rate * seconds
  const start = performance.now() + 50
  const asked: Promise<void>[] = []
  let wrong = 0
  await new Promise<void>(resolve => {
    const timer = setInterval(() => {
      while (asked.length < count && start + (asked.length * 1000) / rate <= performance.now()) {
        const intended = start + (asked.length * 1000) / rate
        // A prime step goes through all customers in no order of theirs.
        const answer = ask(port, customers[(asked.length * 7919) % customers.length]!).then(
          status => {
            latencies.recordValue(Math.max(1, Math.round((performance.now() - intended) * 1000)))
            if (status !== 200) wrong++
          },
          () => {
            wrong++
          },
        )
        asked.push(answer)
      }
      if (asked.length < count) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  await Promise.all(asked)
  const ms = (percentile: number) => latencies.getValueAtPercentile(percentile) / 1000
  process.send!({
    event: 'measured',
    requests: latencies.totalCount,
    perSecond: (latencies.totalCount * 1000) / (performance.now() - start),
    wrong,
    p50: ms(50),
    p99: ms(99),
    p999: ms(99.9),
    max: latencies.maxValue / 1000,
  })
})
process.send!({ event: 'began' })

import { connect } from 'node:net'
import { Redis } from 'ioredis'

export type Broker = { readonly id: number; readonly host: string; readonly port: number }

/** Whether anything accepts a connection there. */
export function accepts(host: string, port: number, timeoutMs = 3_000): Promise<boolean> {
  return exchange(host, port, timeoutMs, undefined).then(
    () => true,
    () => false,
  )
}

/** The brokers a Kafka node knows: one Metadata request (version 8, no topics). Listening alone comes too early. */
export async function kafkaBrokers(port: number, timeoutMs = 3_000): Promise<readonly Broker[]> {
  const request = Buffer.alloc(26)
  request.writeInt32BE(22, 0)
  request.writeInt16BE(3, 4)
  request.writeInt16BE(8, 6)
  request.writeInt16BE(5, 12)
  request.write('probe', 14)
  const reply = await exchange('127.0.0.1', port, timeoutMs, request)
  const brokers: Broker[] = []
  let at = 16
  for (let left = reply.readInt32BE(12); left > 0; left--) {
    const id = reply.readInt32BE(at)
    const hostLength = reply.readInt16BE(at + 4)
    const host = reply.toString('utf8', at + 6, at + 6 + hostLength)
    at += 6 + hostLength
    brokers.push({ id, host, port: reply.readInt32BE(at) })
    at += 6 + Math.max(0, reply.readInt16BE(at + 4)) // the rack, absent or not
  }
  return brokers
}

/** What INFO says of a Redis, by field. Rejects when it does not answer. */
export async function redisInfo(url: string, ...sections: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return withRedis(url, 3_000, async client => {
    const text = await client.info(...sections)
    return new Map(
      text.split('\r\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    )
  })
}

export async function withRedis<T>(url: string, timeoutMs: number, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  client.on('error', () => {}) // what went wrong comes back from connect()
  try {
    await client.connect()
    return await use(client)
  } finally {
    client.disconnect()
  }
}

function exchange(host: string, port: number, timeoutMs: number, request: Buffer | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host)
    let reply = Buffer.alloc(0)
    const finish = (error: Error | undefined) => {
      socket.destroy()
      if (error) reject(error)
      else resolve(reply)
    }
    socket.setTimeout(timeoutMs, () => finish(new Error(`${host}:${port} did not answer within ${timeoutMs} ms`)))
    socket.on('error', finish)
    socket.on('close', () => finish(new Error(`${host}:${port} closed the connection`)))
    socket.on('connect', () => (request === undefined ? finish(undefined) : socket.write(request)))
    socket.on('data', bytes => {
      reply = Buffer.concat([reply, bytes])
      if (reply.length >= 4 && reply.length >= 4 + reply.readInt32BE(0)) finish(undefined)
    })
  })
}

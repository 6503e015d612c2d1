import { connect, createServer, type Socket } from 'node:net'
import { freePorts } from './ports.ts'

export type FaultProxy = {
  readonly port: number
  /** From now on nothing passes in either direction, as behind a pulled cable: connections stay open and silent. */
  cut(): void
  /** What was held back goes on, and so does all else. */
  heal(): void
  /** Each direction takes so much longer; order is kept. */
  delay(ms: number): void
  /** Every open connection ends with a reset; new ones are welcome. */
  reset(): void
  close(): Promise<void>
}

type Line = { pump(): void; reset(): void }

/** A TCP proxy on loopback in front of one port, for faults of the network. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const lines = new Set<Line>()
  const weather = { cut: false, delayMs: 0 }
  const server = createServer({ allowHalfOpen: true }, near => {
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const line: Line = {
      pump() {
        outward()
        inward()
      },
      reset() {
        lines.delete(line)
        near.resetAndDestroy()
        far.resetAndDestroy()
      },
    }
    const outward = carry(near, far, weather)
    const inward = carry(far, near, weather)
    lines.add(line)
    for (const socket of [near, far]) socket.on('error', () => line.reset())
    let closed = 0
    for (const socket of [near, far]) {
      socket.on('close', () => {
        if (++closed === 2) lines.delete(line)
      })
    }
  })
  const [port] = await freePorts(1)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const pumpAll = () => {
    for (const line of lines) line.pump()
  }
  const reset = () => {
    for (const line of lines) line.reset()
  }
  return {
    port: port!,
    cut() {
      weather.cut = true
    },
    heal() {
      weather.cut = false
      pumpAll()
    },
    delay(ms) {
      weather.delayMs = ms
    },
    reset,
    close() {
      reset()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

const held = 1 << 20 // bytes a direction may hold back before its sender is made to wait

/** Carries one direction: each piece waits for its time, none overtakes another, none leaves while the line is cut. */
function carry(from: Socket, to: Socket, weather: { readonly cut: boolean; readonly delayMs: number }): () => void {
  const pieces: { readonly bytes: Buffer | null; readonly due: number }[] = [] // null: the sender has finished
  let bytesHeld = 0
  let lastDue = 0
  const arrive = (bytes: Buffer | null) => {
    lastDue = Math.max(lastDue, performance.now() + weather.delayMs)
    pieces.push({ bytes, due: lastDue })
    bytesHeld += bytes?.length ?? 0
    if (bytesHeld > held) from.pause()
    pump()
  }
  const pump = () => {
    while (pieces.length > 0 && !weather.cut) {
      const wait = pieces[0]!.due - performance.now()
      if (wait > 0) {
        setTimeout(pump, Math.ceil(wait))
        return
      }
      const { bytes } = pieces.shift()!
      if (bytes === null) to.end()
      else {
        to.write(bytes)
        bytesHeld -= bytes.length
      }
    }
    if (bytesHeld <= held) from.resume()
  }
  from.on('data', arrive)
  from.on('end', () => arrive(null))
  return pump
}

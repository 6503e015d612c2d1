import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'

// Below the range from which Linux takes source ports (32768 up): a client that keeps calling a stopped broker on a port
// of that range may be given the very same one, connect to itself, and hold it when the broker comes back.
const lowest = 20_000
const highest = 32_000

/** Ports that nobody listens on: those the file remembers while they are free, so that addresses outlive a restart. */
export async function freePorts(count: number, rememberIn?: string): Promise<readonly number[]> {
  const known = rememberIn !== undefined && existsSync(rememberIn) ? parse(readFileSync(rememberIn, 'utf8')) : []
  const ports: number[] = []
  for (let i = 0; i < count; i++) {
    let port = known[i]
    while (port === undefined || ports.includes(port) || !(await isFree(port))) {
      port = lowest + Math.floor(Math.random() * (highest - lowest))
    }
    ports.push(port)
  }
  if (rememberIn !== undefined) writeFileSync(rememberIn, `${ports.join(' ')}\n`)
  return ports
}

function parse(text: string): readonly number[] {
  return text
    .trim()
    .split(' ')
    .map(Number)
    .filter(port => Number.isInteger(port) && port >= lowest && port < highest)
}

export function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

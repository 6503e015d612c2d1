import { connect, createServer, type Socket } from 'node:net'

/** An address that leads to one server and later to another, as a service name does after a failover. */
export type FrontDoor = {
  readonly port: number
  /** Open connections end; new ones lead to the given port. */
  turnTo(port: number): void
  close(): Promise<void>
}

export async function openFrontDoor(port: number): Promise<FrontDoor> {
  let target = port
  const open = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(target, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  const end = (): void => {
    for (const socket of open) socket.destroy()
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    turnTo(next) {
      target = next
      end()
    },
    close() {
      end()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

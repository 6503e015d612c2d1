import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import path from 'node:path'

export type Lock = { readonly release: () => Promise<void> }

/**
 * Takes a name for this process, or tells who holds it. The name is a socket in the kernel's own name space (Linux), so
 * it is given back however its holder ends, and there is no stale file to judge.
 */
export async function takeLock(what: string): Promise<Lock | { readonly holder: string }> {
  const address = `\0offerstream-${createHash('sha256').update(path.resolve(what)).digest('hex').slice(0, 32)}`
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.end(`${process.pid}`)
  })
  server.unref()
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    server.listen(address, () => resolve(true))
  })
  if (!taken) return { holder: await askHolder(address) }
  return { release: () => new Promise(resolve => server.close(() => resolve())) }
}

function askHolder(address: string): Promise<string> {
  return new Promise(resolve => {
    let told = ''
    const socket = connect(address)
    const answer = () => resolve(told === '' ? 'a process that has just ended' : `process ${told}`)
    socket.setEncoding('utf8').on('data', text => {
      told += text
    })
    socket.setTimeout(1_000, () => socket.destroy())
    socket.on('error', answer).on('close', answer)
  })
}

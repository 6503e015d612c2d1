import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../src/index.ts'
import { until } from './folders.ts'

const echo = createServer({ allowHalfOpen: true }, socket => {
  socket.on('error', () => {})
  socket.pipe(socket)
})
let proxy: FaultProxy
let client: Socket
let heard = ''

async function call(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

beforeEach(async () => {
  await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve))
  proxy = await startFaultProxy((echo.address() as AddressInfo).port)
  client = await call()
  heard = ''
  client.setEncoding('utf8').on('data', text => {
    heard += text
  })
})

afterEach(async () => {
  client.destroy()
  await proxy.close()
  await new Promise(resolve => echo.close(resolve))
})

describe('a fault proxy', () => {
  it('passes on both ways in good weather, and to the end', async () => {
    client.end('hello')
    await once(client, 'end')
    expect(heard).toBe('hello')
  })

  it('is silent while cut, also to new callers, and nothing is lost or reordered after healing', async () => {
    client.write('1')
    expect(await until(() => heard === '1')).toBe(true)
    proxy.cut()
    client.write('2')
    client.write('3')
    const late = await call()
    late.write('late')
    let lateHeard = ''
    late.on('data', text => {
      lateHeard += text
    })
    await new Promise(resolve => setTimeout(resolve, 150))
    expect([heard, lateHeard]).toEqual(['1', ''])
    proxy.heal()
    expect(await until(() => heard === '123' && lateHeard === 'late')).toBe(true)
    late.destroy()
  })

  it('delays each direction and keeps the order when the delay goes', async () => {
    proxy.delay(100)
    const began = performance.now()
    client.write('a')
    await new Promise(resolve => setTimeout(resolve, 20))
    proxy.delay(0)
    client.write('b')
    expect(await until(() => heard === 'ab')).toBe(true)
    expect(performance.now() - began).toBeGreaterThanOrEqual(95)
  })

  it('resets what is open and takes new calls', async () => {
    client.write('x')
    await until(() => heard === 'x')
    let code: string | undefined
    client.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code
    })
    proxy.reset()
    expect(await until(() => client.destroyed)).toBe(true)
    expect(code).toBe('ECONNRESET')
    const next = await call()
    next.write('y')
    expect(String((await once(next, 'data'))[0])).toBe('y')
    next.destroy()
  })

  it('makes a fast sender wait while cut rather than hold everything in memory', async () => {
    proxy.cut()
    const size = 64 << 20
    client.write(Buffer.alloc(size))
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(client.writableLength).toBeGreaterThan(0)
    expect(client.bytesWritten).toBeLessThanOrEqual(size)
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(size + (32 << 20))
  })
})

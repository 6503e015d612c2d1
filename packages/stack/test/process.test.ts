import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { createChildren, untilReady } from '../src/process.ts'
import { startedAt } from '../src/process-identity.ts'
import { temporaryFolder, until } from './folders.ts'
import { runProgram } from './run-program.ts'

const environment = process.env
const lives = (pid: number) => startedAt(pid) !== undefined

async function pidsOf(running: ReturnType<typeof runProgram>): Promise<readonly number[]> {
  return (await running.said('pids')).split(' ').slice(1).map(Number)
}

describe('children', () => {
  it('end with stop, the deaf one by force, and leave no pid file', async () => {
    const folder = temporaryFolder()
    const children = await createChildren(folder)
    const polite = await children.start({ name: 'polite', command: ['sleep', '300'], environment })
    const deaf = await children.start({
      name: 'deaf',
      command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
      environment,
    })
    await until(() => existsSync(deaf.logFile))
    await new Promise(resolve => setTimeout(resolve, 200))
    await children.close(300)
    expect(await polite.ended).toBe('was ended by SIGTERM')
    expect(await deaf.ended).toBe('was ended by SIGKILL')
    expect([polite, deaf].map(child => lives(child.pid))).toEqual([false, false])
    expect(existsSync(path.join(folder, 'polite.pid'))).toBe(false)
    await expect(children.start({ name: 'late', command: ['true'], environment })).rejects.toThrow('stopping')
  })

  it('a frozen one is ended too', async () => {
    const children = await createChildren(temporaryFolder())
    const frozen = await children.start({ name: 'frozen', command: ['sleep', '300'], environment })
    frozen.signal('SIGSTOP')
    await frozen.stop()
    expect(lives(frozen.pid)).toBe(false)
  })

  it('one that crashes before it is ready is noticed at once, with the end of its log', async () => {
    const children = await createChildren(temporaryFolder())
    const child = await children.start({
      name: 'service',
      command: ['sh', '-c', 'echo bad setting foo; exit 7'],
      environment,
    })
    const began = performance.now()
    await expect(untilReady(child, async () => false, 30_000)).rejects.toMatchObject({
      name: 'StackUnavailable',
      missing: expect.stringMatching(/ended with code 7 before it answered.*bad setting foo/s),
    })
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it('one that never answers is given up and ended', async () => {
    const children = await createChildren(temporaryFolder())
    const child = await children.start({ name: 'service', command: ['sleep', '300'], environment })
    await expect(untilReady(child, async () => false, 200)).rejects.toThrow('did not answer within 0.2 s')
    expect(lives(child.pid)).toBe(false)
  })

  it('a program that does not exist is told as such', async () => {
    const children = await createChildren(temporaryFolder())
    const child = await children.start({ name: 'service', command: ['/nowhere/java'], environment })
    await expect(untilReady(child, async () => false, 5_000)).rejects.toThrow(/ended with code 127.*\/nowhere\/java/s)
  })
})

describe('when their parent dies', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)('of %s, children end', async signal => {
    const parent = runProgram(import.meta.resolve('./programs/hold-children.ts'), temporaryFolder(), 'waits')
    const pids = await pidsOf(parent)
    expect(pids.every(lives)).toBe(true)
    parent.process.kill(signal)
    expect(await until(() => !pids.some(lives), 5_000)).toBe(true)
  })

  it('a child that will not hear of it is ended by force', async () => {
    const parent = runProgram(import.meta.resolve('./programs/hold-children.ts'), temporaryFolder(), 'deaf')
    const pids = await pidsOf(parent)
    parent.process.kill('SIGKILL')
    expect(await until(() => !pids.some(lives), 15_000)).toBe(true)
  })

  it.each(['throws', 'exits'])('because it %s, children end', async how => {
    const pids = await pidsOf(runProgram(import.meta.resolve('./programs/hold-children.ts'), temporaryFolder(), how))
    expect(await until(() => !pids.some(lives), 15_000)).toBe(true)
  })

  it('a child nobody guards stays, so the tests above see a difference', async () => {
    const parent = runProgram(import.meta.resolve('./programs/hold-children.ts'), temporaryFolder(), 'unguarded')
    const [pid] = await pidsOf(parent)
    parent.process.kill('SIGKILL')
    await parent.ended
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(lives(pid!)).toBe(true)
    process.kill(pid!, 'SIGKILL')
  })
})

describe('pid files of an earlier crash', () => {
  it('end the very process they name', async () => {
    const folder = temporaryFolder()
    const left = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
    writeFileSync(path.join(folder, 'kafka.pid'), `${left.pid} ${startedAt(left.pid!)}\n`)
    const ended = once(left, 'exit')
    await createChildren(folder)
    await ended
    expect(existsSync(path.join(folder, 'kafka.pid'))).toBe(false)
  })

  it('spare a process that merely has the same number', async () => {
    const folder = temporaryFolder()
    const stranger = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
    writeFileSync(path.join(folder, 'kafka.pid'), `${stranger.pid} 1\n`)
    await createChildren(folder)
    expect(lives(stranger.pid!)).toBe(true)
    stranger.kill('SIGKILL')
  })
})

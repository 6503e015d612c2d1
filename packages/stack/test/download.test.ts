import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { type Artifact, checkSha256, download, isDownloaded } from '../src/download.ts'
import { createChildren } from '../src/process.ts'
import { temporaryFolder } from './folders.ts'
import { runProgram } from './run-program.ts'

async function place() {
  const folder = temporaryFolder()
  const children = await createChildren(path.join(folder, 'instance'))
  return { folder, children, downloads: { folder, progress: () => {}, environment: process.env } }
}

function artifact(fill: Artifact['fill']): Artifact {
  return { name: 'thing-1', about: 'the thing', fill }
}

it('a download that is there is not fetched again', async () => {
  const { folder, children, downloads } = await place()
  let fills = 0
  const thing = artifact(async () => {
    fills++
  })
  await download(thing, children, downloads)
  await download(thing, children, downloads)
  expect(fills).toBe(1)
  expect(isDownloaded(folder, thing)).toBe(true)
})

it('a failed download leaves nothing and is tried anew by the next start', async () => {
  const { folder, children, downloads } = await place()
  const broken = artifact(async (into, run) => {
    writeFileSync(path.join(into, 'half'), 'ha')
    await run('sh', '-c', 'echo the mirror hung up; exit 3')
  })
  await expect(download(broken, children, downloads)).rejects.toMatchObject({
    name: 'StackUnavailable',
    tried: 'download the thing',
    missing: expect.stringMatching(/sh ended with code 3.*the mirror hung up/s),
  })
  expect(existsSync(path.join(folder, 'thing-1'))).toBe(false)
  const whole = artifact(async into => writeFileSync(path.join(into, 'whole'), 'whole'))
  expect(existsSync(path.join(await download(whole, children, downloads), 'whole'))).toBe(true)
})

it('what an interrupted download left is thrown away first', async () => {
  const { folder, children, downloads } = await place()
  mkdirSync(path.join(folder, 'thing-1'))
  writeFileSync(path.join(folder, 'thing-1', 'half'), 'ha')
  const filled = await download(
    artifact(async into => writeFileSync(path.join(into, 'whole'), '')),
    children,
    downloads,
  )
  expect(existsSync(path.join(filled, 'half'))).toBe(false)
  expect(existsSync(path.join(filled, 'whole'))).toBe(true)
})

it('two starts at once in one process share one download', async () => {
  const { children, downloads } = await place()
  let fills = 0
  const slow = artifact(async into => {
    fills++
    await new Promise(resolve => setTimeout(resolve, 150))
    writeFileSync(path.join(into, 'whole'), '')
  })
  const [one, other] = await Promise.all([download(slow, children, downloads), download(slow, children, downloads)])
  expect(one).toBe(other)
  expect(fills).toBe(1)
})

it('two starts at once in two processes share one download', async () => {
  const folder = temporaryFolder()
  await Promise.all(
    ['one', 'two'].map(name => runProgram(import.meta.resolve('./programs/download-slowly.ts'), folder, name).ended),
  )
  expect(readFileSync(path.join(folder, 'fills'), 'utf8')).toBe('filled\n')
})

it('a process killed while it downloads leaves no lock and no half', async () => {
  const folder = temporaryFolder()
  const killed = runProgram(import.meta.resolve('./programs/download-slowly.ts'), folder, 'one')
  await killed.said('filling')
  killed.process.kill('SIGKILL')
  await killed.ended
  expect(existsSync(path.join(folder, 'thing-1', '.ok'))).toBe(false)
  await runProgram(import.meta.resolve('./programs/download-slowly.ts'), folder, 'two').ended
  expect(existsSync(path.join(folder, 'thing-1', '.ok'))).toBe(true)
  expect(readFileSync(path.join(folder, 'fills'), 'utf8')).toBe('filled\n')
})

it('a file with another checksum is refused by name', async () => {
  const file = path.join(temporaryFolder(), 'a.whl')
  writeFileSync(file, 'abc')
  await checkSha256(file, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  await expect(checkSha256(file, '00')).rejects.toThrow('a.whl has sha256 ba7816bf')
})

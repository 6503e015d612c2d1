import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folderParity } from '../../ranker/test/parity.ts'
import { NoPython, pythonFor } from '../src/environment.ts'

const home = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'offerstream-training-'))
let python = ''
// A clean machine downloads it.
beforeAll(async () => {
  python = await pythonFor({ progress: line => console.log(line) })
}, 600_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** What it writes, when it ends well; else the test fails with it. */
async function run(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, PYTHONPATH: home, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
  const child = spawn(python, args, { cwd: home, env })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
  const code = await new Promise(resolve => child.on('close', resolve))
  if (code !== 0) throw new Error(text)
  return text
}

describe('the Python of training', () => {
  it('is formatted and has no lint', async () => {
    await run('-m', 'ruff', 'format', '--no-cache', '--check', '.')
    await run('-m', 'ruff', 'check', '--no-cache', '.')
  })
  it('passes its tests', { timeout: 300_000 }, async () => {
    if (process.env['OFFERSTREAM_DATA'] === undefined)
      console.log('not run: the real ranking, without OFFERSTREAM_DATA')
    console.log(await run('-m', 'pytest', '--durations=5'))
  })
})

describe('models that Python wrote', () => {
  const kinds = ['binary', 'isotonic', 'ranker', 'custom', 'forest', 'logistic']
  beforeAll(() => run(join('test', 'write_models.py'), folder), 300_000)
  it.each(kinds)('%s: runtime, walker and golden rows agree, at every threshold too', async kind => {
    const { rows, largest, otherChoice, golden } = await folderParity(join(folder, kind, '1'))
    expect(rows).toBeGreaterThan(kind === 'logistic' ? 999 : 3000)
    expect(largest).toBeLessThanOrEqual(1e-6)
    expect(golden).toBeLessThanOrEqual(1e-6)
    expect(otherChoice).toBe(0)
  })
})

describe('the Python environment', () => {
  it('is there already the second time', async () => {
    const lines: string[] = []
    expect(await pythonFor({ progress: line => lines.push(line) })).toBe(python)
    expect(lines).toEqual([])
  })
  it('says what to install where there is no Python', async () => {
    const asked = pythonFor({ environment: { PATH: '/nowhere' } })
    await expect(asked).rejects.toThrow(NoPython)
    await expect(asked).rejects.toThrow('python3 is not on PATH; install Python 3.11, 3.12 or 3.13')
  })
})

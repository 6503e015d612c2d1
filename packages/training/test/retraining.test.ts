// docs/tour/retraining.md: each command of `pnpm train` in it is run, and what it proposes is loaded as the scorer does.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseRecord } from '../../catalogue/src/index.ts'
import { notShown } from '../../cli/test/not-shown.ts'
import { loadModel } from '../../ranker/src/models.ts'
import { pythonFor } from '../src/environment.ts'

const home = join(import.meta.dirname, '..')
const chapter = readFileSync(join(home, '../../docs/tour/retraining.md'), 'utf8')
const blocks = [...chapter.matchAll(/^```console\n\$ (.*)\n([\s\S]*?)^```$/gm)].map(
  ([, command, shown]) => [command!, shown!] as const,
)

let dir: string
beforeAll(async () => {
  const python = await pythonFor()
  dir = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
  run(python, join(home, 'test/write_choices.py'), 'choices')
}, 600_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function run(command: string, ...args: readonly string[]): string {
  const env = { ...process.env, PYTHONPATH: home, INIT_CWD: dir, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: dir, env, encoding: 'utf8' })
  if (status === 1) throw new Error(stdout + stderr)
  return `${stdout}\nexit code ${status}`
}

test('each command of the chapter shows what it says, and the scorer takes what is proposed', {
  timeout: 120_000,
}, async () => {
  expect(blocks).toHaveLength(3)
  for (const [command, shown] of blocks) {
    expect(command).toMatch(/^pnpm train /)
    const output = run(process.execPath, join(home, 'src/main.ts'), ...command.split(' ').slice(2))
    expect(notShown(output, shown), `${command}\n${output}`).toBeNull()
  }

  const parsed = parseRecord(JSON.parse(readFileSync(join(dir, 'retrained/shadow.json'), 'utf8')), 0)
  if (!('record' in parsed) || parsed.record.body.type !== 'model') throw new Error(JSON.stringify(parsed))
  const { name, version, stage, sha256 } = parsed.record.body
  expect([name, version, stage]).toEqual(['plan-ranker', '1', 'shadow'])
  const model = await loadModel(join(dir, 'models'), name, version, sha256)
  const [dull, liked] = await model.scorer.score(Float32Array.from([0, -2, 0, 2]), 2)
  expect(liked).toBeGreaterThan(2 * dull!)
  await model.close()
  await expect(loadModel(join(dir, 'models'), name, version, '0'.repeat(64))).rejects.toThrow('was promoted')
})

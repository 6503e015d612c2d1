// `pnpm test`: types, lint, generated code, then every test. Ends with one line: N passed, N failed.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { unit: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
})
if (values.help) {
  console.log(
    'pnpm test [--unit] [FILE…]\n  --unit   leave out what needs the real Kafka, Redis and registry\n  FILE     only these test files',
  )
  process.exit(0)
}

const root = join(import.meta.dirname, '..')
let passed = 0
let failed = 0

function step(name: string, command: string, ...args: readonly string[]): void {
  const began = performance.now()
  console.log(`\n# ${name}`)
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`# ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`)
  if (status === 0) passed++
  else failed++
}

if (positionals.length === 0) {
  step('types', 'tsc', '-p', 'tsconfig.json')
  step('lint', 'biome', 'ci', '.')
  step('unused code and dependencies', 'knip')
  step('types generated from the schemas', 'node', 'packages/contracts/src/generate.ts', '--check')
}

const folder = mkdtempSync(join(tmpdir(), 'offerstream-tests-'))

/** Runs a project's tests; answers when they ended. */
function test(project: string, output: 'inherit' | number, how: readonly string[] = []): Promise<void> {
  const report = join(folder, `${project}.json`)
  const [command, ...args] = [
    ...how,
    ...['vitest', 'run', '--project', project, '--passWithNoTests'],
    ...['--reporter', 'default', '--reporter', 'json', '--outputFile.json', report],
    ...positionals,
  ] as [string, ...string[]]
  // The many processes that tests start compile what they share once: it halves a start.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') }
  const child = spawn(command, args, { cwd: root, stdio: ['inherit', output, output], env })
  return new Promise(resolve =>
    child.on('close', () => {
      count(report)
      resolve()
    }),
  )
}

function count(report: string): void {
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number
      numTotalTests: number
      numFailedTestSuites: number
      success: boolean
    }
    passed += counts.numPassedTests
    // A file that could not even be read has no failed test, but it failed.
    failed += Math.max(counts.numTotalTests - counts.numPassedTests, counts.success ? 0 : 1)
  } catch {
    failed++
  }
}

if (values.unit) {
  console.log('\n# tests: unit')
  await test('unit', 'inherit')
} else {
  // The real ones wait much, for groups that rebalance and processes that start: the others fill these gaps, and no more.
  const printed = join(folder, 'unit.log')
  const unit = test('unit', openSync(printed, 'w'), ['nice', '-n', '15'])
  console.log('\n# tests: real, with unit beside them')
  await test('real', 'inherit')
  await unit
  console.log('\n# tests: unit')
  process.stdout.write(readFileSync(printed))
}
rmSync(folder, { recursive: true })

console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

// `pnpm train …`: the training package in a Python environment that it makes by itself.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { NoPython, pythonFor } from './environment.ts'

const package_ = fileURLToPath(new URL('..', import.meta.url))

try {
  const args = process.argv.slice(2)
  const list = comparesModels(args) ? 'benchmark' : 'training'
  const python = await pythonFor({ list, progress: line => console.error(line) })
  const child = spawn(python, ['-m', 'offerstream_training', ...args], {
    // Files are named from where the user stands; two threads, whatever the machine has.
    cwd: process.env['INIT_CWD'] ?? process.cwd(),
    env: {
      OMP_NUM_THREADS: '2',
      OPENBLAS_NUM_THREADS: '2',
      OMP_WAIT_POLICY: 'PASSIVE',
      ...process.env,
      PYTHONPATH: package_,
    },
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.on('close', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)))
} catch (error) {
  if (!(error instanceof NoPython)) throw error
  console.error(error.message)
  process.exit(1)
}

/** Whether XGBoost and CatBoost are wanted: the upsell commands compare all six models unless told which. */
function comparesModels(args: readonly string[]): boolean {
  if (!/^(judge-)?upsell$/.test(args[0] ?? '') || args.includes('--help')) return false
  return !args.some(each => each.startsWith('--models')) || args.some(each => /xgboost|catboost/.test(each))
}

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const environments = {
  training: { file: 'requirements.txt', folder: 'python', megabytes: 150 },
  benchmark: { file: 'requirements-benchmark.txt', folder: 'python-benchmark', megabytes: 300 },
  lleaves: { file: 'requirements-lleaves.txt', folder: 'python-lleaves', megabytes: 60 },
} as const

const fix = 'install Python 3.11, 3.12 or 3.13 with pip, for example: apt-get install python3-pip'

/** Training is not possible on this machine; the message says what to install. */
export class NoPython extends Error {
  override name = 'NoPython'
}

export type PythonOptions = {
  /** `benchmark` holds what models are only compared with, too; half a minute and 0.4 GB more. `lleaves` holds a compiler of trees alone. */
  readonly list?: keyof typeof environments
  /** Where environments are kept; `.local/python` of the repository unless given, `.local/python-benchmark` or `-lleaves` for those lists. */
  readonly folder?: string
  /** Told what happens, line by line; nothing unless something is downloaded. */
  readonly progress?: (line: string) => void
  readonly environment?: NodeJS.ProcessEnv
}

/**
 * The python of an environment that holds exactly what its list says, checked by hash. Made on first use, in about half a
 * minute and 0.5 GB; another list or another Python is another environment. Throws `NoPython`.
 */
export async function pythonFor(options: PythonOptions = {}): Promise<string> {
  const { list: named = 'training', progress = () => {}, environment = process.env } = options
  const { file, megabytes, folder: standard } = environments[named]
  const folder = options.folder ?? fileURLToPath(new URL(`../../../.local/${standard}/`, import.meta.url))
  const requirements = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const list = readFileSync(requirements, 'utf8')
  const base = basePython(environment)
  const key = createHash('sha256').update(`${base.version} ${process.platform} ${process.arch}\n${list}`).digest('hex')
  const home = join(folder, key.slice(0, 16))
  const python = join(home, 'bin', 'python')
  if (existsSync(python)) return python

  // Made elsewhere and renamed when it is whole: an interrupted one is never used, and of two at once either will do.
  const making = `${home}.${process.pid}`
  mkdirSync(folder, { recursive: true })
  rmSync(making, { recursive: true, force: true })
  try {
    const total = list.match(/^[a-z]\S*==/gm)?.length ?? 0
    progress(
      `making the Python environment of ${named} under .local/ (${total} packages, about ${megabytes} MB to download)`,
    )
    await install(base.python, making, requirements, total, progress, environment)
    renameSync(making, home)
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    if (!existsSync(python)) throw error
  }
  return python
}

async function install(
  base: string,
  making: string,
  requirements: string,
  total: number,
  progress: (line: string) => void,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  if (ask(base, ['-m', 'pip', '--version'], environment).status !== 0)
    throw new NoPython(`training needs pip, and ${base} has none; ${fix}`)
  const began = performance.now()
  await run(base, ['-m', 'venv', '--without-pip', making], environment, () => {})
  let collected = 0
  const pip = ['-m', 'pip', '--python', join(making, 'bin', 'python'), '--disable-pip-version-check', '--no-input']
  const install = ['install', '--require-hashes', '--only-binary=:all:', '--no-compile', '-r', requirements]
  await run(base, [...pip, ...install], environment, line => {
    const name = /^Collecting (\S+?)[=<>~]/.exec(line)?.[1]
    if (name !== undefined) progress(`  ${++collected}/${total} ${name}`)
    if (line.startsWith('Installing')) progress('  unpacking')
  })
  progress(`Python environment ready in ${((performance.now() - began) / 1000).toFixed(0)} s`)
}

/** Rejects with the end of what the program wrote when it fails. */
function run(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  line: (text: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    const tail: string[] = []
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', text => {
        line(text)
        tail.push(text)
        if (tail.length > 12) tail.shift()
      })
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve()
      else
        reject(
          new NoPython(`the Python environment could not be made (${args.slice(0, 3).join(' ')}):\n${tail.join('\n')}`),
        )
    })
  })
}

/** A Python of 3.11 to 3.13. */
function basePython(environment: NodeJS.ProcessEnv): { readonly python: string; readonly version: string } {
  const found: string[] = []
  for (const python of ['python3', 'python3.13', 'python3.12', 'python3.11']) {
    const { status, stdout } = ask(python, ['-c', 'import platform; print(platform.python_version())'], environment)
    if (status !== 0) continue
    const version = stdout.trim()
    if (/^3\.1[123]\./.test(version)) return { python, version: version.split('.').slice(0, 2).join('.') }
    found.push(`${python} is ${version}`)
  }
  const what = found.length === 0 ? 'python3 is not on PATH' : found.join(', ')
  throw new NoPython(`training needs Python 3.11 to 3.13: ${what}; ${fix}`)
}

const ask = (python: string, args: readonly string[], environment: NodeJS.ProcessEnv) =>
  spawnSync(python, args, { env: environment, encoding: 'utf8', timeout: 20_000 })

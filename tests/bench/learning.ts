// Learners on held-out worlds against the goals: what was judged before by the same code and settings is not judged again.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createTrialStore,
  type GoalRow,
  goalTable,
  type Judgement,
  type LearnerName,
  learners,
  runTrials,
  type Trial,
} from '@offerstream/learning'
import { writeMarket } from '@offerstream/simulator'
import type { Bench, Progress } from './bench.ts'

const root = join(import.meta.dirname, '..', '..')
const local = join(root, '.local', 'learning')
/** Of which nobody is judged: the observable Bayes oracle is fitted on them. */
const bayesSeeds = [1001, 1002, 1003]

/** What a learner's results hang on. */
const codeOf: Readonly<Record<LearnerName, readonly string[]>> = {
  plans: [
    'packages/{simulator,learning,features,catalogue,ranker}/src/**/*.ts',
    'packages/training/offerstream_training/{*,plans/*}.py',
    'packages/training/requirements.txt',
  ],
  upsell: [
    'packages/simulator/src/market/upsell.ts',
    'packages/training/offerstream_training/{*,upsell/*}.{py,json}',
    'packages/training/requirements*.txt',
  ],
}

export const learning: Bench = {
  says: 'a learner on ten held-out worlds of each preset, against its goals; goes on where it stopped',
  options: {
    learner: { fallback: 'plans', says: Object.keys(learners).join(' or ') },
    presets: { fallback: '', says: 'apart by commas; all of the learner unless given' },
    seeds: { fallback: '101-110', says: 'from-to, or apart by commas' },
    customers: { fallback: '50000', says: 'of a world of plans' },
    months: { fallback: '8', says: 'of a world of plans' },
    exploration: { fallback: '0.2', says: 'share of its offers drawn at random' },
    'bayes-customers': { fallback: '45000', says: 'of each of the three worlds the oracle is fitted on' },
    'bayes-offers': { fallback: '40000', says: 'a month and world that it is fitted on, of the later half of months' },
    rows: { fallback: '500000', says: 'of an upsell table; 200000 are held out' },
    models: { fallback: 'lightgbm', says: 'of upsell, apart by commas; the winner is always judged' },
    minutes: { fallback: '60', says: 'after which no other world is begun' },
    fresh: { fallback: 'no', says: 'yes judges all of it again' },
    out: { fallback: '', says: 'file for the table as Markdown' },
  },
  async run(settings, progress) {
    const name = settings['learner'] as LearnerName
    const learner = learners[name]
    if (learner === undefined)
      throw new Error(`there is no learner ${name}, wanted ${Object.keys(learners).join(' or ')}`)
    const presets = settings['presets'] === '' ? learner.presets : settings['presets']!.split(',')
    const foreign = presets.find(preset => !learner.presets.some(each => each === preset))
    if (foreign !== undefined)
      throw new Error(`${name} has no preset ${foreign}, wanted some of ${learner.presets.join(', ')}`)
    const seeds = seedsOf(settings['seeds']!)
    const ends = Date.now() + Number(settings['minutes']) * 60_000
    const asked =
      name === 'plans'
        ? ['customers', 'months', 'exploration', 'bayes-customers', 'bayes-offers'].map(
            each => `${each}=${settings[each]}`,
          )
        : [`rows=${settings['rows']}`]
    const key = fingerprint(codeOf[name], asked)
    const store = createTrialStore(join(local, name), key)
    const trials = presets.flatMap(preset => seeds.map((seed): Trial => ({ preset, seed })))
    const worlds = worldsOf(name)
    const judge = name === 'plans' ? plansJudge(settings, key, worlds, progress) : upsellJudge(settings, worlds)
    let begun = 0
    const { judged, known, left, failed } = await runTrials(
      trials,
      settings['fresh'] === 'yes' ? { ...store, read: () => null } : store,
      trial => {
        progress(`${trial.preset}, seed ${trial.seed}`, begun++ / trials.length)
        return judge(trial)
      },
      () => Date.now() < ends,
    )
    const rows = goalTable(learner, presets, judged)
    const table = [heading, ...rows.map(cellsOf)]
    const command = `pnpm bench learning --learner ${name} --presets ${presets.join(',')} --seeds ${settings['seeds']} ${asked.map(each => `--${each.replace('=', ' ')}`).join(' ')}`
    if (settings['out'] !== '') writeFileSync(settings['out']!, markdown(command, table))
    return {
      title: `${name}: means over seeds with 95 % intervals by Student, each bound against its goal`,
      rows: table,
      remarks: [
        `${judged.length} of ${trials.length} worlds judged, ${known} of them before`,
        ...(left.length === 0 ? [] : [`${left.length} left for want of time: the same command goes on`]),
        ...failed.map(({ preset, seed, why }) => `${preset}, seed ${seed} failed: ${why}`),
        ...[...new Set(judged.flatMap(({ preset, notes }) => notes.map(note => `${preset}: ${note}`)))].slice(0, 20),
      ],
      figures: { learner: name, goals: rows, judged, known, left, failed },
    }
  },
}

function seedsOf(text: string): readonly number[] {
  const [from, to] = text.split('-').map(Number)
  const seeds =
    to === undefined ? text.split(',').map(Number) : Array.from({ length: to - from! + 1 }, (_, index) => from! + index)
  if (seeds.length === 0 || !seeds.every(seed => Number.isInteger(seed) && seed >= 0))
    throw new Error(`--seeds is "${text}", wanted 101-110 or 101,102`)
  return seeds
}

/** Of files and settings. */
function fingerprint(patterns: readonly string[], asked: readonly string[]): string {
  const hash = createHash('sha256').update(asked.join('\n'))
  for (const file of globSync([...patterns], { cwd: root }).sort())
    hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/** Where this process keeps its worlds; what a process left behind that is no more is removed. */
function worldsOf(learner: LearnerName): string {
  const all = join(local, 'worlds', learner)
  mkdirSync(all, { recursive: true })
  for (const pid of readdirSync(all))
    if (!isRunning(Number(pid))) rmSync(join(all, pid), { recursive: true, force: true })
  return join(all, `${process.pid}`)
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid)) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

type Judge = (trial: Trial) => Promise<Judgement>

/** Makes the world, has it judged, and throws it away. */
function plansJudge(
  settings: Readonly<Record<string, string>>,
  key: string,
  folder: string,
  progress: Progress,
): Judge {
  const world = (preset: string, seed: number, out: string, change: readonly string[] = []): Promise<string> => {
    rmSync(out, { recursive: true, force: true })
    const given = ['--preset', preset, '--seed', `${seed}`, '--customers', settings['customers']!]
    const times = ['--months', settings['months']!, '--exploration', settings['exploration']!]
    return run(['packages/learning/src/main.ts', '--out', out, ...given, ...times, ...change])
  }
  /** The best that what is observed allows; made once for a preset. */
  const bayesOf = async (preset: string): Promise<string> => {
    const file = join(local, 'bayes', `${preset}-${key.slice(0, 12)}.json`)
    if (existsSync(file)) return file
    const worlds = bayesSeeds.map(seed => join(folder, `${preset}-${seed}`))
    try {
      const later = `${Math.floor(Number(settings['months']) / 2)}`
      for (const [index, seed] of bayesSeeds.entries()) {
        progress(`${preset}, oracle, seed ${seed}`)
        const change = ['--customers', settings['bayes-customers']!, '--exploration', '1', '--keep-from-month', later]
        await world(preset, seed, worlds[index]!, change)
      }
      await run([
        'packages/training/src/main.ts',
        'bayes-plans',
        '--worlds',
        ...worlds,
        '--most',
        settings['bayes-offers']!,
        '--out',
        file,
      ])
    } finally {
      for (const folder of worlds) rmSync(folder, { recursive: true, force: true })
    }
    return file
  }
  return async ({ preset, seed }) => {
    const bayes = preset === 'null' ? [] : ['--bayes', await bayesOf(preset)]
    const judged = join(folder, `${preset}-${seed}`)
    try {
      await world(preset, seed, judged)
      return judgementOf(
        await run(['packages/training/src/main.ts', 'judge-plans', '--world', judged, ...bayes, '--json']),
      )
    } finally {
      rmSync(judged, { recursive: true, force: true })
    }
  }
}

/** Makes the tables, has one judged, and throws them away. */
function upsellJudge(settings: Readonly<Record<string, string>>, worlds: string): Judge {
  return async ({ preset, seed }) => {
    const folder = join(worlds, `${preset}-${seed}`)
    rmSync(folder, { recursive: true, force: true })
    try {
      const market = preset === 'null' ? 'null' : 'medium-taste'
      // The tables are of people of their own: a market of one is only the way to them.
      await writeMarket({
        out: folder,
        seed,
        customers: 1,
        months: 1,
        preset: market,
        upsellRows: Number(settings['rows']),
      })
      const [table, oracle] = ['tables', 'oracle'].map(each => join(folder, each, `upsell-${preset}`))
      const given = ['judge-upsell', '--table', table!, '--oracle', oracle!, '--preset', preset, '--json']
      given.push('--models', settings['models']!)
      return judgementOf(await run(['packages/training/src/main.ts', ...given]))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function judgementOf(output: string): Judgement {
  const { metrics, seconds, notes } = JSON.parse(output.trimEnd().split('\n').at(-1)!) as Judgement
  return { metrics, seconds, notes }
}

/** Runs node from the root; answers its standard output. Throws with the last line of what it complained. */
function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // Matrices of a few dozen columns: a second thread costs the fits more than it brings.
    const env = { OPENBLAS_NUM_THREADS: '1', ...process.env }
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let complaint = ''
    child.stdout.on('data', data => {
      output += data
    })
    child.stderr.on('data', data => {
      complaint = `${complaint}${data}`.slice(-2_000)
    })
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve(output)
      else reject(new Error(complaint.trimEnd().split('\n').at(-1) || `${args[0]} ended with ${code}`))
    })
  })
}

const heading = ['preset', 'what', 'seeds', 'mean', 'low', 'high', 'goal', 'stretch', 'verdict']
const figure = (value: number | null): string => (value === null || Number.isNaN(value) ? '–' : value.toPrecision(4))
const cellsOf = ({ preset, says, seeds, mean, low, high, goal, stretch, verdict }: GoalRow): string[] => [
  preset,
  says,
  `${seeds}`,
  ...[mean, low, high].map(figure),
  `${goal}`,
  stretch === null ? '' : `${stretch}`,
  verdict,
]
const markdown = (command: string, [head, ...body]: readonly (readonly string[])[]): string =>
  [`\`${command}\``, '', ...[head!, head!.map(() => '---'), ...body].map(cells => `| ${cells.join(' | ')} |`), ''].join(
    '\n',
  )

// The monthly ranking of the whole base: scoring alone beside other engines on the same rows, then from stored states to
// ranked files through `offerstream score-base`.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PlaybookRecord } from '@offerstream/contracts'
import { createModels, promotionOf, type Scorer } from '@offerstream/ranker'
import { ensureTopics, openTopic } from '@offerstream/streaming'
import { pythonFor } from '../../packages/training/src/environment.ts'
import { type Base, baseOf, fillStore } from './base.ts'
import type { Bench, Progress, Report } from './bench.ts'
import { type Place, usedMemory, withPlace } from './place.ts'
import { cpuSeconds, peakBytes } from './processes.ts'

const prefix = 'bench.'
const root = join(import.meta.dirname, '../..')
const plans = 15
const partitions = 12
const goals = { scores: 45_000_000, scoringMinutes: 8, rankingMinutes: 30 }
const training = join(root, 'packages/training')

export const scoreBase: Bench = {
  says: 'the whole base ranked: scores/s on one core beside other engines, then from stored states to ranked files',
  options: {
    customers: { fallback: '3000000', says: 'customers in the store' },
    trees: { fallback: '500', says: 'trees of the model, 31 leaves each' },
    rows: {
      fallback: '3000000',
      says: 'rows each engine scores at most; what is left of customers × 15 is extrapolated',
    },
    distinct: { fallback: '2000', says: 'simulated customers whose states the others repeat' },
    states: { fallback: 'yes', says: 'no: scoring alone' },
    threads: { fallback: '2', says: 'threads that rank' },
    top: { fallback: '', says: 'write the best few of each customer only' },
  },
  async run(settings, progress) {
    const folder = mkdtempSync(join(tmpdir(), 'score-base-'))
    try {
      return await measure(folder, settings, progress)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function measure(
  folder: string,
  settings: Readonly<Record<string, string>>,
  progress: Progress,
): Promise<Report> {
  const [customers, trees, rows, distinct] = ['customers', 'trees', 'rows', 'distinct'].map(each =>
    Number(settings[each]),
  ) as [number, number, number, number]
  progress('simulating customers')
  const base = await baseOf({ distinct, plans, progress })
  writeFileSync(join(folder, 'rows.f32'), base.rows)
  writeFileSync(join(folder, 'columns.json'), JSON.stringify({ features: base.features, pairs: base.pairs }))
  progress('fitting a model')
  const python = await pythonFor({ progress })
  const lleaves = await pythonFor({ progress, list: 'lleaves' })
  mkdirSync(join(folder, 'models'))
  const fit = (await said(python, [join(training, 'bench/fit_ranker.py'), folder, `${trees}`])) as { leaves: number }

  const whole = customers * plans
  const each = Math.min(rows, whole)
  const engines = await scoring(folder, base, each, { python, lleaves }, progress)
  const minutes = (perSecond: number): number => whole / perSecond / 60
  const own = engines[0]!
  const scoringReached = goals.scores / own.perSecond / 60 <= goals.scoringMinutes
  const heading: Report['rows'] = [
    ['one core', 'rows/s', `minutes for ${(whole / 1e6).toFixed(1)} M`],
    ...engines.map(({ name, perSecond }) => [name, perSecond, minutes(perSecond)]),
  ]
  const scores = {
    title: `${customers.toLocaleString('en')} customers × ${plans} plans, ${trees} trees, ${fit.leaves} leaves, ${base.features.length + base.pairs.length} inputs`,
    rows: heading,
    remarks: [
      each === whole
        ? 'every engine scored all of the rows'
        : `every engine scored ${each.toLocaleString('en')} rows, ${((100 * each) / whole).toFixed(1)} % of them, in three turns; the minutes are extrapolated`,
      `largest difference from LightGBM on ${engines[0]!.compared.toLocaleString('en')} rows: quick trees ${own.apart.toExponential(1)} and onnxruntime ${engines[1]!.apart.toExponential(1)} of a probability, lleaves ${engines[3]!.apart.toExponential(1)} of a margin`,
      `goal, 45 M scores on one core in ${goals.scoringMinutes} minutes: ${scoringReached ? 'reached' : 'NOT reached'} (${(goals.scores / own.perSecond / 60).toFixed(1)})`,
    ],
    figures: { engines, scoringMinutes: goals.scores / own.perSecond / 60, scoringReached },
  }
  if (settings['states'] === 'no') return scores

  const ranking = await withPlace(progress, place =>
    ranked(place, folder, base, { customers, threads: Number(settings['threads']), top: settings['top']! }, progress),
  )
  const rankingMinutes = ranking.seconds / 60
  const asked = (3_000_000 / customers) * rankingMinutes
  const rankingReached = asked <= goals.rankingMinutes
  return {
    ...scores,
    rows: [
      ...heading,
      ['', '', ''],
      ['states to ranked files', 'customers/s', 'minutes'],
      [`offerstream score-base, ${settings['threads']} threads`, ranking.customersPerSecond, rankingMinutes],
    ],
    remarks: [
      ...scores.remarks,
      `ranking took ${ranking.cpuSeconds.toFixed(0)} CPU-seconds, ${((1e6 * ranking.cpuSeconds) / customers).toFixed(0)} µs a customer, Redis aside; ${ranking.rows.toLocaleString('en')} rows, ${(ranking.bytes / 2 ** 20).toFixed(0)} MB of Parquet`,
      `peak memory of the process ${(ranking.peakBytes / 2 ** 20).toFixed(0)} MB; Redis ${(ranking.redisBytes / 2 ** 20).toFixed(0)} MB, ${(ranking.redisBytes / customers).toFixed(0)} bytes a customer`,
      `the states are those of ${distinct.toLocaleString('en')} simulated customers over 30 days, repeated under other names, every third with a history; written in ${ranking.fillSeconds.toFixed(0)} s, which does not count`,
      `goal, 3 M customers from states to ranked files in ${goals.rankingMinutes} minutes: ${rankingReached ? 'reached' : 'NOT reached'} (${asked.toFixed(1)}${customers === 3_000_000 ? '' : ', extrapolated'})`,
    ],
    figures: { ...scores.figures, ranking, rankingMinutesOf3M: asked, rankingReached },
  }
}

type Engine = {
  readonly name: string
  readonly rows: number
  readonly perSecond: number
  readonly apart: number
  readonly compared: number
}

/** Each engine takes a third of its rows in turn, so that a busy minute of the machine's is shared. */
async function scoring(
  folder: string,
  base: Base,
  rows: number,
  pythons: { readonly python: string; readonly lleaves: string },
  progress: Progress,
): Promise<Engine[]> {
  const width = base.features.length + base.pairs.length
  const promotion = await promotionOf(join(folder, 'models'), 'plan-ranker-bench', '1')
  const native = createModels(join(folder, 'models'))
  const batches = createModels(join(folder, 'models'), { batches: true })
  const { scorer: onnxruntime } = await native.load(promotion)
  const { scorer: quick } = await batches.load(promotion)
  const distinct = new Float32Array(base.rows.buffer, base.rows.byteOffset, base.rows.byteLength / 4)
  /** As a ranking thread does: the rows of a hundred customers at once. */
  const own = async (scorer: Scorer, wanted: number): Promise<number> => {
    const batch = 100 * plans
    const held = distinct.length / width
    const began = performance.now()
    for (let done = 0, at = 0; done < wanted; at = at + batch >= held ? 0 : at + batch) {
      const count = Math.min(batch, wanted - done, held - at)
      await scorer.score(distinct.subarray(at * width, (at + count) * width), count)
      done += count
    }
    return (performance.now() - began) / 1000
  }
  const other = async (engine: 'lightgbm' | 'lleaves', wanted: number): Promise<number> => {
    const script = [join(training, 'bench/predict.py'), engine, folder, `${width}`, `${wanted}`]
    const python = engine === 'lleaves' ? pythons.lleaves : pythons.python
    return ((await said(python, script)) as { seconds: number }).seconds
  }
  const timed = { quick: 0, onnxruntime: 0, lightgbm: 0, lleaves: 0 }
  const rounds = 3
  for (const scorer of [quick, onnxruntime]) await own(scorer, Math.min(rows, 50_000))
  for (let round = 0; round < rounds; round++) {
    const wanted = Math.ceil(rows / rounds)
    progress('scoring: quick trees, onnxruntime-node, LightGBM and lleaves in turn', (round + 0.1) / rounds)
    timed.quick += await own(quick, wanted)
    timed.onnxruntime += await own(onnxruntime, wanted)
    timed.lightgbm += await other('lightgbm', wanted)
    timed.lleaves += await other('lleaves', wanted)
  }
  progress('scored', 1)
  const compared = Math.min(3000, distinct.length / width)
  const few = distinct.subarray(0, compared * width)
  const scores = { quick: await quick.score(few, compared), onnxruntime: await onnxruntime.score(few, compared) }
  await Promise.all([native.close(), batches.close()])
  const margins = (engine: string): Float64Array =>
    new Float64Array(Uint8Array.from(readFileSync(join(folder, `${engine}.f64`))).buffer)
  const lightgbm = margins('lightgbm')
  // The model's calibration is σ(margin − 3).
  const apart = (probability: Float32Array): number =>
    probability.reduce((most, p, at) => Math.max(most, Math.abs(p - 1 / (1 + Math.exp(3 - lightgbm[at]!)))), 0)
  const lleavesApart = margins('lleaves').reduce(
    (most, margin, at) => Math.max(most, Math.abs(margin - lightgbm[at]!)),
    0,
  )
  const done = Math.ceil(rows / rounds) * rounds
  return [
    {
      name: 'quick trees, batches of 100 customers',
      rows: done,
      perSecond: done / timed.quick,
      apart: apart(scores.quick),
      compared,
    },
    {
      name: 'onnxruntime-node, the same batches',
      rows: done,
      perSecond: done / timed.onnxruntime,
      apart: apart(scores.onnxruntime),
      compared,
    },
    { name: 'LightGBM, Python, one thread', rows: done, perSecond: done / timed.lightgbm, apart: 0, compared },
    { name: 'lleaves, one thread', rows: done, perSecond: done / timed.lleaves, apart: lleavesApart, compared },
  ]
}

type Ranking = {
  readonly seconds: number
  readonly customersPerSecond: number
  readonly rows: number
  readonly bytes: number
  readonly cpuSeconds: number
  readonly peakBytes: number
  readonly redisBytes: number
  readonly fillSeconds: number
}

async function ranked(
  place: Place,
  folder: string,
  base: Base,
  { customers, threads, top }: { readonly customers: number; readonly threads: number; readonly top: string },
  progress: Progress,
): Promise<Ranking> {
  const { log, registry, redis, redisUrl } = place
  await ensureTopics(log, { prefix, partitions, sources: true })
  const playbook = await openTopic(registry, 'playbook', prefix)
  const promotion = await promotionOf(join(folder, 'models'), 'plan-ranker-bench', '1')
  const records: readonly PlaybookRecord[] = [...base.records, { at: base.start, body: promotion }]
  await log.append(
    playbook.path,
    0,
    records.map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
  )
  const before = await usedMemory(redis)
  const filling = performance.now()
  await fillStore(base, { redisUrl, prefix, partitions, customers, progress })
  const fillSeconds = (performance.now() - filling) / 1000
  const redisBytes = (await usedMemory(redis)) - before

  progress('ranking')
  const args = ['packages/cli/src/main.ts', 'score-base', '--out', join(folder, 'ranking')]
  args.push('--models', join(folder, 'models'), '--threads', `${threads}`, '--at', new Date(base.at).toISOString())
  if (top !== '') args.push('--top', top)
  const environment = { ...process.env, ...place.environment(prefix, partitions) }
  let cpu = 0
  let peak = 0
  const began = performance.now()
  const summary = (await said(process.execPath, [...args, '--json'], {
    environment,
    watch(pid) {
      cpu = cpuSeconds(pid)
      // A process at its end holds nothing any more.
      peak = Math.max(peak, peakBytes(pid))
    },
    line: text => {
      const share = /ranking by playbook \d+ (\d+)\/(\d+)/.exec(text)
      if (share !== null) progress('ranking', Number(share[1]) / Number(share[2]))
    },
  })) as { customers: number; rows: number; bytes: number; complete: boolean }
  // By the clock, the program's start and end included.
  const seconds = (performance.now() - began) / 1000
  if (!summary.complete || summary.customers !== customers)
    throw new Error(`${summary.customers} of ${customers} customers were ranked`)
  const { rows, bytes } = summary
  const customersPerSecond = customers / seconds
  return { seconds, customersPerSecond, rows, bytes, cpuSeconds: cpu, peakBytes: peak, redisBytes, fillSeconds }
}

/** What a program puts on its last line, as JSON; rejects with the end of what it complained of. */
function said(
  program: string,
  args: readonly string[],
  {
    environment,
    watch,
    line = () => {},
  }: {
    readonly environment?: NodeJS.ProcessEnv
    readonly watch?: (pid: number) => void
    readonly line?: (text: string) => void
  } = {},
): Promise<unknown> {
  const env = {
    ...(environment ?? process.env),
    PYTHONPATH: training,
    OMP_NUM_THREADS: '2',
    OMP_WAIT_POLICY: 'PASSIVE',
  }
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      texts[stream] = (texts[stream] + text).slice(-100_000)
      line(text)
    })
  const watching = setInterval(() => {
    try {
      if (child.exitCode === null) watch?.(child.pid!)
    } catch {} // it ended meanwhile
  }, 250)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => {
      clearInterval(watching)
      if (code === 0) resolve(JSON.parse(texts.stdout.trimEnd().split('\n').at(-1)!))
      else reject(new Error(`${args[0]} ended with ${code}:\n${texts.stderr.slice(-2000)}`))
    })
  })
}

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A learner's fit on one world. */
export type Trial = { readonly preset: string; readonly seed: number }

/** What a judge says of it. */
export type Judgement = {
  readonly metrics: Readonly<Record<string, number>>
  readonly seconds: number
  readonly notes: readonly string[]
}

/** Judgements on disk, a file for each trial. `key` stands for settings and code: what was judged by others is not there. */
export type TrialStore = {
  read(trial: Trial): Judgement | null
  write(trial: Trial, judgement: Judgement): void
}

export function createTrialStore(folder: string, key: string): TrialStore {
  const fileOf = ({ preset, seed }: Trial): string => join(folder, preset, `${seed}.json`)
  return {
    read(trial) {
      let kept: Judgement & { readonly key: string }
      try {
        kept = JSON.parse(readFileSync(fileOf(trial), 'utf8')) as typeof kept
      } catch {
        return null
      }
      if (kept.key !== key) return null
      const { metrics, seconds, notes } = kept
      return { metrics, seconds, notes }
    },
    write(trial, judgement) {
      const file = fileOf(trial)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(`${file}.next`, `${JSON.stringify({ key, ...judgement }, null, 1)}\n`)
      renameSync(`${file}.next`, file)
    },
  }
}

export type TrialRun = {
  readonly judged: readonly (Judgement & Trial)[]
  /** Of these, how many were there already. */
  readonly known: number
  /** For want of time. */
  readonly left: readonly Trial[]
  readonly failed: readonly (Trial & { readonly why: string })[]
}

/** Judges what is not known yet, one after the other, as long as there is time; one that fails stops none of the others. */
export async function runTrials(
  trials: readonly Trial[],
  store: TrialStore,
  judge: (trial: Trial) => Promise<Judgement>,
  hasTime: () => boolean,
): Promise<TrialRun> {
  const judged: (Judgement & Trial)[] = []
  const left: Trial[] = []
  const failed: (Trial & { why: string })[] = []
  let known = 0
  for (const trial of trials) {
    const before = store.read(trial)
    if (before !== null) {
      known++
      judged.push({ ...trial, ...before })
    } else if (!hasTime()) left.push(trial)
    else
      try {
        const judgement = await judge(trial)
        store.write(trial, judgement)
        judged.push({ ...trial, ...judgement })
      } catch (error) {
        failed.push({ ...trial, why: (error as Error).message })
      }
  }
  return { judged, known, left, failed }
}

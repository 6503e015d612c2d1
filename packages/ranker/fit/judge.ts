import type { Choice, Judged, Shown } from './month.ts'

/** How well a calibrated probability predicts answers, and what plans chosen by it are worth beside the baselines. */
export function judge(
  probability: (row: readonly number[]) => number,
  train: readonly Shown[],
  test: readonly Shown[],
  judged: readonly Judged[],
): { readonly metrics: Readonly<Record<string, Interval>>; readonly bestSingle: string } {
  const bestSingle = bestSinglePlan(train)
  const values = judged.map(({ plans }) => ({
    model: top(plans, plan => probability(plan.row) * plan.item.marginMinor)?.value ?? 0,
    ladder: top(plans, plan => -plan.item.priceMinor)?.value ?? 0,
    single: plans.find(plan => plan.item.name === bestSingle)?.value ?? 0,
    random: plans.length === 0 ? 0 : mean(plans.map(plan => plan.value)),
    best: top(plans, plan => plan.value)?.value ?? 0,
  }))
  const over = (other: 'ladder' | 'single' | 'random' | 'best') =>
    withInterval(values.length, units => sum(units, i => values[i]!.model) / sum(units, i => values[i]![other]))
  const outcomes = test.map(each => each.accepted)
  const predicted = test.map(each => probability(each.row))
  const rate = mean(train.map(each => each.accepted))
  const onTest = (statistic: (outcomes: readonly number[], predicted: readonly number[]) => number) =>
    withInterval(test.length, units =>
      statistic(
        units.map(i => outcomes[i]!),
        units.map(i => predicted[i]!),
      ),
    )
  return {
    bestSingle,
    metrics: {
      value_over_ladder: over('ladder'),
      value_over_best_single_plan: over('single'),
      value_over_random: over('random'),
      share_of_full_information: over('best'),
      area_under_curve: onTest(areaUnderCurve),
      log_loss: onTest(logLoss),
      log_loss_less_than_constant: onTest(
        (y, p) =>
          logLoss(
            y,
            y.map(() => rate),
          ) - logLoss(y, p),
      ),
      calibration_error: onTest(calibrationError),
    },
  }
}

/** The plan that would have earned most, shown to everybody who may have it; each showing weighs what it was drawn out of. */
function bestSinglePlan(train: readonly Shown[]): string {
  const earned = [...Map.groupBy(train, each => each.item.name)].map(
    ([name, each]) => [name, sum(each, x => x.accepted * x.outOf * x.item.marginMinor)] as const,
  )
  return earned.reduce((a, b) => (b[1] > a[1] ? b : a))[0]
}

const top = <Plan extends Choice>(plans: readonly Plan[], by: (plan: Plan) => number): Plan | undefined =>
  plans.reduce<Plan | undefined>((a, b) => (a === undefined || by(b) > by(a) ? b : a), undefined)

type Interval = { readonly value: number; readonly low: number; readonly high: number }

/** A statistic with its 95 % percentile interval from 400 bootstrap draws of `count` units, each draw from one seed. */
function withInterval(count: number, statistic: (units: readonly number[]) => number): Interval {
  const random = mulberry32(7)
  const all = Array.from({ length: count }, (_, index) => index)
  const draws = Array.from({ length: 400 }, () => statistic(all.map(() => Math.floor(random() * count)))).sort(
    (a, b) => a - b,
  )
  return { value: round(statistic(all)), low: round(draws[10]!), high: round(draws[389]!) }
}

export const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length

const sum = <Each>(each: readonly Each[], of: (one: Each) => number): number =>
  each.reduce((total, one) => total + of(one), 0)

const logLoss = (chosen: readonly number[], probability: readonly number[]): number =>
  -mean(chosen.map((each, i) => Math.log(each === 1 ? probability[i]! : 1 - probability[i]!)))

/** Mean distance between probability and frequency over ten bins of equal size. */
function calibrationError(chosen: readonly number[], probability: readonly number[]): number {
  const order = probability.map((_, index) => index).sort((a, b) => probability[a]! - probability[b]!)
  let error = 0
  for (let bin = 0; bin < 10; bin++) {
    const part = order.slice(Math.floor((bin * order.length) / 10), Math.floor(((bin + 1) * order.length) / 10))
    error += Math.abs(mean(part.map(i => probability[i]!)) - mean(part.map(i => chosen[i]!))) * part.length
  }
  return error / order.length
}

/** Probability that a chosen one scores above one that was not, ties half. */
function areaUnderCurve(chosen: readonly number[], score: readonly number[]): number {
  const order = score.map((_, index) => index).sort((a, b) => score[a]! - score[b]!)
  let rankSum = 0
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to < order.length && score[order[to]!] === score[order[from]!]) to++
    for (let i = from; i < to; i++) if (chosen[order[i]!] === 1) rankSum += (from + to + 1) / 2
    from = to
  }
  const positives = chosen.reduce((sum, each) => sum + each, 0)
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (chosen.length - positives))
}

const round = (x: number): number => Number(x.toPrecision(4))

/** A small generator with a seed (Tommy Ettinger, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

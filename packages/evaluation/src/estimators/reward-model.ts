import { hash } from '@offerstream/contracts'
import type { Choice, Weighed } from './choice.ts'

/** Folds of cross-fitting: a row is predicted by a model that saw nothing of its group. */
const folds = 5
/** Only keeps columns that say the same from having no inverse; a larger one would bias the direct method. */
const ridge = 1e-6
/** Slopes are fitted from so many rows per column on. */
const rowsPerColumn = 10

/**
 * Weighs the rows of a policy, with a reward model fitted across folds of groups: one linear regression per action on the
 * row's inputs, the mean alone where there are none, the mean over all actions for one that was never taken. Chernozhukov
 * et al., Double/debiased machine learning, The Econometrics Journal 2018, definition 3.2.
 */
export function weigh(choices: readonly Choice[]): Weighed {
  const { length } = choices
  const width = 1 + (choices[0]?.inputs[0]?.length ?? 0)
  const rewards = Float64Array.from(choices, each => each.reward)
  const weights = Float64Array.from(choices, ({ target, logged, taken }) =>
    target[taken] === 0 ? 0 : target[taken]! / logged[taken]!,
  )
  const predicted = new Float64Array(length)
  const expected = new Float64Array(length)
  const leverage = new Float64Array(length)
  const foldOf = choices.map(({ group }) => hash(`fold/${group}`) % folds)
  const rowsOf = new Map<string, number[]>()
  for (const [row, { actions, taken }] of choices.entries()) {
    const rows = rowsOf.get(actions[taken]!)
    if (rows === undefined) rowsOf.set(actions[taken]!, [row])
    else rows.push(row)
  }
  const inputsOf = (row: number, action: number): number[] => [1, ...choices[row]!.inputs[action]!]

  for (let fold = 0; fold < folds; fold++) {
    let others = 0
    let sum = 0
    for (let row = 0; row < length; row++)
      if (foldOf[row] !== fold) {
        others++
        sum += rewards[row]!
      }
    const pooled = others === 0 ? 0 : sum / others
    const fits = new Map<string, Fit>()
    for (const [action, rows] of rowsOf)
      fits.set(
        action,
        fit(
          rows.filter(row => foldOf[row] !== fold).map(row => inputsOf(row, choices[row]!.taken)),
          rows.filter(row => foldOf[row] !== fold).map(row => rewards[row]!),
          width,
          pooled,
        ),
      )
    const mass = new Map<string, Float64Array>()
    for (let row = 0; row < length; row++) {
      if (foldOf[row] !== fold) continue
      const { actions, target, taken } = choices[row]!
      for (let action = 0; action < actions.length; action++) {
        if (target[action] === 0 && action !== taken) continue
        const inputs = inputsOf(row, action)
        const coefficients = fits.get(actions[action]!)?.coefficients
        const reward = coefficients === undefined ? pooled : dot(coefficients, inputs)
        if (action === taken) predicted[row] = reward
        expected[row]! += target[action]! * reward
        const total = mass.get(actions[action]!) ?? new Float64Array(width)
        for (let column = 0; column < width; column++) total[column]! += target[action]! * inputs[column]!
        mass.set(actions[action]!, total)
      }
    }
    for (const [action, total] of mass) {
      const inverse = fits.get(action)?.inverse
      if (inverse == null) continue
      const pull = inverse.map(line => dot(line, total))
      for (const row of rowsOf.get(action)!)
        if (foldOf[row] !== fold) leverage[row]! += dot(pull, inputsOf(row, choices[row]!.taken))
    }
  }
  return {
    groups: choices.map(({ group }) => group),
    rewards,
    weights,
    predicted,
    expected,
    leverage,
    massAbove(row, limit) {
      const { target, logged } = choices[row]!
      let mass = 0
      for (let action = 0; action < target.length; action++)
        if (target[action]! > limit * logged[action]!) mass += target[action]!
      return mass
    },
  }
}

type Fit = { readonly coefficients: readonly number[]; readonly inverse: readonly (readonly number[])[] | null }

/** Least squares by the normal equations; the constant alone where rows are few. */
function fit(rows: readonly (readonly number[])[], rewards: readonly number[], width: number, pooled: number): Fit {
  if (rows.length === 0) return { coefficients: [pooled, ...new Array<number>(width - 1).fill(0)], inverse: null }
  const used = rows.length < rowsPerColumn * width ? 1 : width
  const square = Array.from({ length: used }, (_, a) =>
    new Array<number>(used).fill(0).map((_, b) => (a === b && a > 0 ? ridge : 0)),
  )
  const right = new Array<number>(used).fill(0)
  for (const [row, inputs] of rows.entries())
    for (let a = 0; a < used; a++) {
      right[a]! += inputs[a]! * rewards[row]!
      for (let b = 0; b < used; b++) square[a]![b]! += inputs[a]! * inputs[b]!
    }
  const inverse = inverted(square)
  const coefficients = inverse.map(line => dot(line, right))
  const rest = new Array<number>(width - used).fill(0)
  return {
    coefficients: [...coefficients, ...rest],
    inverse: [...inverse.map(line => [...line, ...rest]), ...rest.map(() => new Array<number>(width).fill(0))],
  }
}

const dot = (a: readonly number[], b: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Gauss and Jordan with the largest pivot; the matrix is positive definite. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
  const { length } = matrix
  const work = matrix.map((line, a) => [...line, ...line.map((_, b) => (a === b ? 1 : 0))])
  for (let column = 0; column < length; column++) {
    let pivot = column
    for (let line = column; line < length; line++)
      if (Math.abs(work[line]![column]!) > Math.abs(work[pivot]![column]!)) pivot = line
    ;[work[column], work[pivot]] = [work[pivot]!, work[column]!]
    const scale = work[column]![column]!
    work[column] = work[column]!.map(each => each / scale)
    for (let line = 0; line < length; line++) {
      if (line === column) continue
      const factor = work[line]![column]!
      work[line] = work[line]!.map((each, at) => each - factor * work[column]![at]!)
    }
  }
  return work.map(line => line.slice(length))
}

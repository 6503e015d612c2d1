import { unit } from '@offerstream/contracts'
import { expect, it } from 'vitest'
import { fitLogit, sigmoid, utility } from '../fit/logit.ts'

it('the fit finds the weights that made the choices, within their errors', () => {
  const truth = [1.5, -0.7, 0.3]
  const rows = Array.from({ length: 20_000 }, (_, i) => [unit(`a${i}`) * 2 - 1, unit(`b${i}`) * 2 - 1])
  const chosen = rows.map((row, i) => Number(unit(`c${i}`) < sigmoid(utility(truth, row))))
  for (const [j, weight] of fitLogit(rows, chosen, 0).entries()) expect(Math.abs(weight - truth[j]!)).toBeLessThan(0.12)
})

it('without inputs it is the log-odds of the share', () =>
  expect(fitLogit([[], [], [], []], [1, 0, 0, 0], 0)[0]).toBeCloseTo(Math.log(1 / 3), 9))

it('an outcome that is certain is refused', () =>
  expect(() => fitLogit([[1], [2]], [1, 1], 0)).toThrow('does not settle'))

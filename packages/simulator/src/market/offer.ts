import { acceptance, sigmoid, utility } from './choice.ts'
import { planItem } from './items.ts'
import { change } from './life.ts'
import { marketPlans } from './plans.ts'
import type { Play } from './playing.ts'
import { attending, eligiblePlans } from './policies.ts'
import { purposes } from './purposes.ts'
import { begin, byPush, displayed, end, engage, opened, rejected, timeOf } from './rows.ts'

/** One plan offer: the policy's or, for a share, any eligible one; attended or not; accepted, rejected or left. */
export function offer(playing: Play, i: number): void {
  const { market, random, batch, settings } = playing
  const { people, parameters, prices, month } = market
  const eligible = eligiblePlans(market, i)
  if (eligible.length === 0) return
  random.seed(market.seed, i, purposes.offer + month)
  const explored = random.next() < settings.exploration
  const chosen = settings.policy(market, i, eligible)
  const plan = explored ? eligible[Math.floor(eligible.length * random.next())]! : chosen
  const at = timeOf(playing, i, 5 + 20 * random.next())
  const item = planItem(plan, month)
  const table = batch.topics.offers
  const { columns } = table
  const row = begin(playing, table, i, at)
  const serial = columns.serial[row]!
  let bits = 0
  for (const j of eligible) bits |= 1 << j
  columns.item[row] = item
  columns.eligible[row] = bits
  columns.propensity[row] = settings.exploration / eligible.length + (plan === chosen ? 1 - settings.exploration : 0)
  end(playing, table)
  const attends = attending(market, i)
  judgeOffer(playing, i, serial, attends, eligible)
  market.load[i] = parameters.fatigueKept * (market.load[i]! + 1)
  engage(playing, i, at + 1, displayed, byPush, serial, item)
  if (random.next() >= attends) return
  engage(playing, i, at + 60_000, opened, byPush, serial, item)
  if (random.next() < acceptance(people, parameters, prices, i, market.plan[i]!, plan))
    change(playing, i, plan, at + 300_000, serial)
  else if (random.next() < parameters.rejectShare) engage(playing, i, at + 120_000, rejected, byPush, serial, item)
}

function judgeOffer(playing: Play, i: number, serial: number, attends: number, eligible: readonly number[]): void {
  const { market, batch } = playing
  const { columns } = batch.oracle.offers
  const row = batch.oracle.offers.rows++
  columns.customer[row] = i
  columns.serial[row] = serial
  columns.attending[row] = attends
  const { people, parameters, prices, plan } = market
  const current = plan[i]!
  const kept = parameters.acceptance === null ? utility(people, parameters, prices, i, current) + people.inertia[i]! : 0
  for (const column of planColumns) columns[column][row] = Number.NaN
  for (const j of eligible)
    columns[planColumns[j]!][row] =
      parameters.acceptance ?? sigmoid((utility(people, parameters, prices, i, j) - kept) / parameters.temperature)
}

const planColumns = marketPlans.map((_, j) => `plan${j}` as 'plan0')

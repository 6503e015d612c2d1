import { monthMs } from './market.ts'
import { marketPlans, unlimitedGb } from './plans.ts'
import type { Play } from './playing.ts'
import { purposes } from './purposes.ts'
import { appHome, appOpened, begin, callCentre, end, engage, interaction, timeOf } from './rows.ts'

/** The month's data in six pieces, calls, texts, app visits; overage beyond the quota of the plan. */
export function useUp(playing: Play, i: number): void {
  const { market, random, monthStart, batch } = playing
  const { people, parameters, prices } = market
  random.seed(market.seed, i, purposes.usage + market.month)
  const { columns: u } = batch.topics.usage
  const need = Math.exp(people.needLevel[i]! + people.needDrift[i]! + parameters.monthNoiseSd * random.normal())
  const plan = marketPlans[market.plan[i]!]!
  const quotaKb = plan.quotaGb >= unlimitedGb ? Number.POSITIVE_INFINITY : plan.quotaGb * 1_048_576
  let used = 0
  let charged = 0
  for (let k = 0; k < dataSessions; k++) {
    const kb = Math.min(
      2_000_000_000,
      Math.max(1, Math.round(need * 1_048_576 * ((0.5 + random.next()) / dataSessions))),
    )
    used += kb
    // By the running total, so that the parts add up to the bill.
    const owed = used > quotaKb ? Math.floor(((used - quotaKb) / 1_048_576) * prices.overageMinor) : 0
    const row = begin(playing, batch.topics.usage, i, timeOf(playing, i, ((k + random.next()) * 30) / dataSessions))
    u.kind[row] = 0
    u.dataKb[row] = kb
    u.seconds[row] = 0
    u.texts[row] = 0
    u.overageMinor[row] = owed - charged
    u.roaming[row] = random.next() < 0.1 * people.roaming[i]! ? 1 : 0
    end(playing, batch.topics.usage)
    charged = owed
  }
  for (let k = 0; k < 3; k++) {
    const row = begin(playing, batch.topics.usage, i, timeOf(playing, i, (k + random.next()) * 10))
    const voice = k < 2
    u.kind[row] = voice ? 1 : 2
    u.dataKb[row] = 0
    u.seconds[row] = voice ? 1 + Math.floor(-1_800 * Math.log(1 - random.next())) : 0
    u.texts[row] = voice ? 0 : 1 + Math.floor(30 * random.next())
    u.overageMinor[row] = 0
    u.roaming[row] = 0
    end(playing, batch.topics.usage)
  }
  // Those who attend more open the app more often.
  const visits = random.poisson(1.2 * Math.sqrt(people.attention[i]! / parameters.attention))
  for (let k = 0; k < visits; k++)
    engage(playing, i, monthStart + Math.floor(random.next() * monthMs), appOpened, appHome, -1, -1)
  if (random.next() < (charged > 0 ? 0.06 : 0.02))
    engage(
      playing,
      i,
      monthStart + Math.floor(random.next() * monthMs),
      interaction,
      callCentre,
      -1,
      -1,
      1 + Math.floor(4 * random.next()),
    )
}

const dataSessions = 6

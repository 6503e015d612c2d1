import {
  count,
  daysSince,
  daysUntil,
  type Features,
  inMb,
  inMinutes,
  last,
  profile,
  ratio,
  since,
  sum,
} from './feature.ts'
import { days, months } from './windows.ts'

/** Every feature, in the order of the vector. A line here is all a feature needs. */
export const features = {
  data_mb_7d: inMb(sum('usage', 'dataKb', days(7))),
  data_mb_30d: inMb(sum('usage', 'dataKb', days(30))),
  data_trend_30d: ratio(sum('usage', 'dataKb', days(7)), sum('usage', 'dataKb', days(30))),
  allowance_used_month: ratio(sum('usage', 'dataKb', months(1)), profile('quotaKb')),
  voice_minutes_30d: inMinutes(sum('usage', 'seconds', days(30))),
  texts_30d: sum('usage', 'texts', days(30)),
  overage_minor_30d: sum('usage', 'overageMinor', days(30)),
  overage_to_charge_30d: ratio(sum('usage', 'overageMinor', days(30)), profile('monthlyChargeMinor')),
  quiet_days: since('usage'),
  purchases_90d: count('purchase', days(90)),
  packages_90d: count('purchase', days(90), { stamp: { kind: 'package' } }),
  spend_minor_90d: sum('purchase', 'priceMinor', days(90)),
  spend_to_charge_90d: ratio(sum('purchase', 'priceMinor', days(90)), profile('monthlyChargeMinor')),
  last_price_to_charge: ratio(last('purchase', 'priceMinor'), profile('monthlyChargeMinor')),
  days_since_purchase: since('purchase'),
  offers_displayed_30d: count('engagement', days(30), { kind: 'displayed' }),
  offers_opened_30d: count('engagement', days(30), { kind: 'opened' }),
  open_rate_30d: ratio(
    count('engagement', days(30), { kind: 'opened' }),
    count('engagement', days(30), { kind: 'displayed' }),
  ),
  rejections_90d: count('engagement', days(90), { kind: 'rejected' }),
  app_opens_30d: count('engagement', days(30), { kind: 'app_opened' }),
  interactions_90d: count('engagement', days(90), { kind: 'interaction' }),
  tenure_days: daysSince('customerSince'),
  binding_days_left: daysUntil('bindingEndsAt'),
  monthly_charge_minor: profile('monthlyChargeMinor'),
} satisfies Features

export type FeatureName = keyof typeof features

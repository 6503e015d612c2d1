import type { ContactPolicy } from '@offerstream/contracts'
import type { Playbook } from './playbook.ts'

/** The one contact policy there is goes by this name. */
export const contactPolicyName = 'default'

/** What holds before marketing says otherwise; the same figures as the schema's defaults. */
export const defaultContactPolicy: ContactPolicy = {
  type: 'contact_policy',
  name: contactPolicyName,
  explorationShare: 0.1,
  minimumGapMinutes: 1440,
  offersPerWeek: 3,
  offersPerCategoryPerWeek: 3,
  sameItemGapDays: 7,
  rejectionCoolDownDays: 30,
  quietFromHour: 21,
  quietToHour: 8,
  validHours: 24,
  priceStepShare: 1,
  minimumValueMinor: 0,
  offersPerChannelPerWeek: {},
  offersPerItemPerMonth: 5,
  cancelledWhenQuiet: [],
  releaseSpreadMinutes: 15,
  campaignOffersPerMinute: {},
}

export const contactPolicyOf = (playbook: Playbook): ContactPolicy =>
  playbook.contactPolicies.get(contactPolicyName) ?? defaultContactPolicy

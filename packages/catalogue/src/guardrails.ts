import type { Guardrails } from '@offerstream/contracts'

/** What a promotion is held to unless it says otherwise; the same figures as the schema's defaults. */
export const defaultGuardrails: Guardrails = {
  active: true,
  error: 0.001,
  failedShare: 0.01,
  meanRatio: 2,
  spreadShare: 0.1,
  offerRatio: 2,
  acceptanceRatio: 0.8,
  rejectionRatio: 1.25,
  fallbackShare: 0.5,
  watchHours: 24,
}

import { type ContactPolicy, defaults } from '@offerstream/contracts'
import type { Playbook } from './playbook.ts'

/** The one contact policy there is goes by this name. */
export const contactPolicyName = 'default'

/** What holds before marketing says otherwise. */
export const defaultContactPolicy: ContactPolicy = { ...defaults.ContactPolicy, name: contactPolicyName }

export const contactPolicyOf = (playbook: Playbook): ContactPolicy =>
  playbook.contactPolicies.get(contactPolicyName) ?? defaultContactPolicy

import type { TriggerRow } from '@offerstream/features'

/** docs/triggers.md, from the list. */
export const triggersPage = (rows: readonly TriggerRow[]): string => `# Triggers

${rows.length} triggers, from the one list in \`packages/features/src/triggers.ts\`; \`pnpm generate\` writes this page. A trigger is a moment
that asks for a decision: the updater emits a feature update, and the scorer decides whether there is an offer, and which. To add one:
[tour](tour/adding-a-trigger.md).

| trigger | fires when | on | for one customer at most | not if later than |
|---|---|---|---|---|
${rows.map(({ kind, says, on, atMost, maxAge }) => `| \`${kind}\` | ${says} | ${on} | ${atMost} | ${maxAge} |`).join('\n')}

**How often.** A trigger that fired is silent for the customer as long as the table says, by the times of the events. Contact limits
come later, and hold for all triggers together.

**How late.** An event that took longer into the journal than the last column counts in the features and fires nothing; a moment that
came longer ago is passed over. Imported history fires nothing, and no moment follows from it.

**Ticks.** Where time itself is the trigger, the state says when the customer is due next. The runner keeps that beside the state; the
first tick of the journal after it wakes those due, in order of moment and customer, a bounded number at a time. Whether the moment
still holds is asked then: a package bought again, an offer taken or rejected in between fires nothing. Ticks stand in the journal, so
that a replay fires what the live run fired.

**A failed push.** \`delivery-failed\` speaks of one customer's devices. What speaks of the provider (it is down, too busy, or does not know our key)
is told by the delivery's reason, fires nothing, and silences the customer's other failures for an hour. Refusals at the door, pushes
nobody knows the end of, and offers that came from a failed push fire nothing either.

## What concerns many customers at once

A campaign, a daily sale or a price change is one job. It reads the states the updater holds, at a set pace, and writes a record for
each customer concerned to the topic \`campaigns\`, which intake journals like any source.

\`\`\`console
$ offerstream campaign start summer --item smart-6 --daily-sale --where "quiet_days >= 14" "ageBand = 18-24" --rate 500
$ offerstream campaign price-change smart-6       # whoever has the plan, from its last price in the playbook to the newest
\`\`\`

\`--dry-run\` counts and writes nothing, \`--json\` ends with \`{campaign, total, customers, concerned, reachedBefore, sent, complete, dryRun, seconds}\`.

- Run again, after a crash or Ctrl-C, it goes on: it reads back whom the campaign reached, for as long as the topic keeps it (7 days).
- Two runs at once write a customer twice under the same event id, and the updater skips the repeat.
- A kill switch of scope campaign stops its offers by the campaign's name; one that names the kind of a trigger stops that trigger's.
- The price of a plan that changes is the playbook's: nothing starts a fan-out but the command.
`

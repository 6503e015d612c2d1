import type { FeatureRow } from '@offerstream/features'

/** docs/features.md, from the list. */
export const featuresPage = (rows: readonly FeatureRow[]): string => `# Features

${rows.length} features, from the one list in \`packages/features/src/features.ts\`; \`pnpm generate\` writes this page. What a word of
the meaning does is one small file in \`packages/features/src/aggregations/\`, with its oracle. To add one: [tour](tour/adding-a-feature.md).

A window of n hours, days, weeks or months holds the one under way and the n - 1 before it, by UTC; weeks begin on Monday. So its
tail moves by one of them at a time, which is the resolution below. A trend alone leaves the one under way out. What is late counts
as long as its bucket is still kept: of two features that share buckets the wider window decides, and one without a window takes
whatever comes. A value that is missing is NaN.

A purchase taken back counts in the bucket of the purchase, by what it repeats of it and what the catalogue said of its item. It
does not say which offer it answered, so that \`offered\` leaves it out. Money is marked where it is absolute: models see money only
in relation to money.

| name | meaning | window | resolution of the tail | a purchase taken back |
|---|---|---|---|---|
${rows.map(line).join('\n')}
`

const line = ({ name, says, money, window, tail, retraction }: FeatureRow): string =>
  `| \`${name}\`${money ? ' (money)' : ''} | ${says} | ${window} | ${tail} | ${retraction} |`

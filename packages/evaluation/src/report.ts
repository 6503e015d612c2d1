// One page that needs nothing else: tables, intervals and weights as inline SVG.
import type { PolicyValue } from './estimators/value.ts'
import type { WeightBin } from './weights.ts'

export type Report = {
  readonly title: string
  /** Said under the title, a paragraph each. */
  readonly says: readonly string[]
  readonly policies: readonly {
    readonly name: string
    readonly values: readonly PolicyValue[]
    readonly weights: readonly WeightBin[]
    readonly notes: readonly string[]
    /** Further figures, by what they are. */
    readonly figures: readonly (readonly [what: string, figure: string])[]
  }[]
}

/** A whole HTML document without scripts or references. */
export function reportHtml({ title, says, policies }: Report): string {
  const ends = policies.flatMap(({ values }) => values.flatMap(({ low, high }) => (low === null ? [] : [low, high!])))
  const least = Math.min(0, ...ends)
  const most = Math.max(least + 1e-9, ...ends)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .3rem}
table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:middle}
td.n{text-align:right;font-variant-numeric:tabular-nums}.refused{color:#8a3b12}.note{color:#45526b}
svg{display:block}line{stroke:#30507a}circle{fill:#30507a}rect{fill:#7c9cc4}text{font:11px system-ui,sans-serif;fill:#45526b}
</style></head><body>
<h1>${escaped(title)}</h1>
${says.map(each => `<p>${escaped(each)}</p>`).join('\n')}
${policies
  .map(
    ({ name, values, weights, notes, figures }) => `<h2>${escaped(name)}</h2>
${notes.map(each => `<p class="note">${escaped(each)}</p>`).join('\n')}
${
  values.length === 0
    ? ''
    : `<table><tr><th>estimator</th><th>value</th><th>95 % interval</th><th>effective sample</th><th>${axis(least, most)}</th></tr>
${values.map(each => valueRow(each, least, most)).join('\n')}
</table>`
}
${weights.length === 0 ? '' : histogram(weights)}
${figures.length === 0 ? '' : `<table>${figures.map(([what, figure]) => `<tr><td>${escaped(what)}</td><td>${escaped(figure)}</td></tr>`).join('')}</table>`}`,
  )
  .join('\n')}
</body></html>
`
}

const width = 320

const placeOf = (value: number, least: number, most: number): string =>
  (4 + ((width - 8) * (value - least)) / (most - least)).toFixed(1)

const axis = (least: number, most: number): string =>
  `<svg width="${width}" height="16" role="img" aria-label="from ${short(least)} to ${short(most)}"><text x="2" y="12">${short(least)}</text><text x="${width - 2}" y="12" text-anchor="end">${short(most)}</text></svg>`

function valueRow(
  { estimator, value, low, high, effectiveSampleSize, refused }: PolicyValue,
  least: number,
  most: number,
): string {
  if (refused !== null)
    return `<tr><td>${escaped(estimator)}</td><td class="refused" colspan="4">refused: ${escaped(refused)}</td></tr>`
  const [from, at, to] = [low!, value!, high!].map(each => placeOf(each, least, most))
  return `<tr><td>${escaped(estimator)}</td><td class="n">${short(value!)}</td><td class="n">${short(low!)} to ${short(high!)}</td><td class="n">${Math.round(effectiveSampleSize)}</td><td><svg width="${width}" height="16" role="img" aria-label="${short(value!)}, ${short(low!)} to ${short(high!)}"><line x1="${from}" x2="${to}" y1="8" y2="8" stroke-width="2"/><circle cx="${at}" cy="8" r="4"/></svg></td></tr>`
}

function histogram(weights: readonly WeightBin[]): string {
  const [bar, height] = [46, 90]
  const most = Math.max(...weights.map(({ count }) => count), 1)
  const bars = weights.map(({ upTo, count }, at) => {
    const tall = (height * count) / most
    const label = at === 0 ? '0' : upTo === null ? '> 200' : `≤ ${upTo}`
    return `<rect x="${at * bar + 3}" y="${(height - tall + 14).toFixed(1)}" width="${bar - 6}" height="${tall.toFixed(1)}"/><text x="${at * bar + bar / 2}" y="${(height - tall + 11).toFixed(1)}" text-anchor="middle">${count}</text><text x="${at * bar + bar / 2}" y="${height + 28}" text-anchor="middle">${label}</text>`
  })
  return `<p class="note">decisions by weight</p><svg width="${weights.length * bar}" height="${height + 34}" role="img" aria-label="histogram of weights">${bars.join('')}</svg>`
}

const short = (value: number): string => Number(value.toPrecision(4)).toString()

const escaped = (text: string): string => text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)

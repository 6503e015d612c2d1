import {
  createMarket,
  fullInformation,
  ladderRule,
  type MarketPreset,
  marketPresets,
  planOf,
  play,
  policyValue,
  upsellRows,
} from '../src/index.ts'
import { planPrice } from '../src/market/plans.ts'
import { bars, lines } from './plot.ts'

/** docs/simulator.html: what the market is made of, its numbers, and plots of a small one. The same at every writing. */
export function simulatorPage(): string {
  const presets = Object.keys(marketPresets) as MarketPreset[]
  const numbers = Object.keys(marketPresets['medium-taste']) as (keyof (typeof marketPresets)['medium-taste'])[]
  const parameterRows = numbers.map(
    name =>
      `<tr><td><code>${name}</code></td>${presets.map(preset => `<td>${marketPresets[preset][name] ?? '–'}</td>`).join('')}</tr>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>The simulated market</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h2{margin-top:2.2rem}table{border-collapse:collapse;font-size:13px}td,th{padding:.15rem .7rem;border-bottom:1px solid #dde3ea;text-align:left}
code,.f{font-family:ui-monospace,monospace;font-size:.92em}.f{background:#f3f6f9;padding:.5rem .8rem;display:block;overflow-x:auto}
.plots{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;flex:1 1 20rem}svg{width:100%;max-width:26rem}
rect{fill:#2f6f9f}line{stroke:#e3e8ee}polyline{fill:none;stroke-width:1.6}.s0{stroke:#2f6f9f}.s1{stroke:#c8553d}.s2{stroke:#5b8c5a}.s3{stroke:#8b6bb1}
text{font:10px system-ui,sans-serif;fill:#47525f}.t{font-size:12px;font-weight:600}.l,.x{text-anchor:middle}.y{text-anchor:end}</style></head><body>
<h1>The simulated market</h1>
<p>A whole market with known truth, for demos, tests and honest evaluation. It is written from economics, not from features: what a model may see are events; what made them is kept in
tables of their own. One seed is one world, byte for byte. <code>packages/simulator/world-hash.json</code> records what the world is; a test fails when anything changes it. Written by
<code>node packages/simulator/docs/write-page.ts</code>.</p>
<pre class="f">pnpm simulate --preset medium-taste --seed 1 --customers 20000 --months 6 --out DIR
DIR/events/&lt;topic&gt;/month=MM/*.parquet   usage, purchases, engagements, customers, offers, pushes, discounts, by arrival
DIR/plans.json packages.json sales.json competitor.json   what is sold, as anybody may see it
DIR/tables/upsell-{A,B,C}/   one row a customer
DIR/oracle/   latents, true probabilities and effects, Bayes p; same names, joined by id, never an input</pre>
${prose(plots())}
<h2>Every number</h2>
<p>Utilities have no unit: what counts is their size against <code>temperature</code>, so that a smaller weight of the bill with a much smaller temperature, as in <i>price-driven</i>,
means that the bill decides more.</p>
<table><tr><th></th>${presets.map(preset => `<th>${preset}</th>`).join('')}</tr>${parameterRows.join('')}</table>
</body></html>
`
}

const prose = (plot: Plots): string => `
<h2>Customers</h2>
<p>Log data need is N(1.6, 1.0): a lasting level and an AR(1) drift (0.9 by month); 1.5 % a month have a life event that moves the level for good by N(0, 0.6); a single month strays by 0.45.
Income is lognormal about €2,400, 40 % of its log variance shared within households of one to four. Price sensitivity is lognormal(0, 0.4), streaming share Beta(1, 3), roaming share Beta(1, 6), taste
N(0, 1) in three dimensions, partly the household's, inertia |N(1, 0.5)|, attention lognormal with mean 0.6 %. Age, device, bundle and the stated GB are noisy children of these; the GB are missing by
device and channel. Customers leave with 0.8 % a month, more when the competitor is cheaper.</p><div class="plots">${plot.need}${plot.age}</div>
<h2>Plans and choice</h2>
<p>Fifteen plans; two are launched (months 4 and 8), one is withdrawn (6), two change their id (5 and 9), which stands in a fresh profile. Each month a third of them is repriced by 1.03³; incomes rise alike.</p>
<p class="f">v = −a·w·E[bill]/income + g·log(1 + quota) + f·(streaming·share + roaming·share) + t·(z·s)<br>
E[bill] = price + rate·(e^{μ+σ²/2}·Φ((μ+σ²−log q)/σ) − q·Φ((μ−log q)/σ))</p>
<p>The overage is the undiscounted call of Black and Scholes (1973) with the quota as strike. 7 % of customers compare their plan with one other plan in a month and change when v_j − v_current − inertia +
logistic noise &gt; 0: 0.5 to 2 % a month do. A plan offer a month: attended with attention · exp(−0.05 · load), then accepted with</p><p class="f">σ((v_j − v_current − inertia)/τ)</p>
<p>else rejected with 0.19, else ignored. Offered is the next plan up, and for a share (<code>--exploration</code>) any eligible one; the propensity stands beside it. Eligible is what is on sale, not the own, not cheaper.
<b>The value of a policy is the mean of attention × acceptance, exact, no answer drawn</b> (<code>policyValue</code>); accepted offers, not money, so that the null world has nothing to gain.
In the null world every attended offer is accepted with 0.083.</p><div class="plots">${plot.oracle}${plot.prices}</div>
<h2>Packages</h2>
<p>300 packages (five services, ten sizes, three validities, once or recurring); eight classes like attributes, each with whims of its own; a customer mixes two classes and draws from a Pólya urn of concentration 6, which
is Dirichlet noise about the class's shares (Blackwell and MacQueen, 1973). Income moves class and amount. Roaming sells in summer, streaming in winter. One purchase in a hundred is taken back within two days. Packages
do not lower overage.</p><div class="plots">${plot.packages}</div>
<h2>Pushes</h2>
<p>Fifty sales a day, a popularity shock each; sent uniformly at random, so the propensity is 1/50.</p><p class="f">open = σ(−2.6 + customer + 0.5·cos(hour) + popularity + w·(2·[favourite category] − 0.2 + z·s) − fatigue)</p>
<p>Each send adds 0.35 to the fatigue, which halves every three days. A click follows within 24 hours with σ(−1 + 0.5·w·match). What misses the customer is muted more often: 0.001·exp(0.6·fatigue + 0.8·w·miss).</p>
<div class="plots">${plot.push}${plot.hours}</div>
<h2>Discounts</h2>
<p class="f">units = base·exp(e·h(d) − erosion) − stock,   h(d) = −log(1 − d),   d = 0, 20, 25 %</p>
<p>Always-buyers e ~ N(0.2, 0.2), deal-seekers N(5, 1), sleeping dogs N(−1, 0.4), stockpilers N(5, 1) who do without 70 % of their extra units next month. Every discount lowers the reference price: 0.3·d of log demand, of
which 60 % are left a month later. The margin is 40 % of the list price; the profit stored per arm is this month's less what next month loses. Half of the customers are in randomised thirds, half are targeted by units and discounts
before, with the propensities beside.</p><div class="plots">${plot.profit}</div>
<h2>Upsell</h2>
<p>7.05 % buy within 90 days. A is the law of a public generator: p ∝ 0.2[age &lt; 45] + 0.15[300 ≤ tenure ≤ 1460] + 0.1[binding &lt; 60] + 0.1[bundle] + 0.2[GB ≤ 20] + 0.1[price &lt; 35], all else noise: Bayes AUC 0.624. B and C
(0.75 and 0.88) follow from usage against quota, its trend, the price's rise, binding and contacts, all to be seen; where the GB are missing (in C the likelier, the more GB) Bayes p is the exact mean over what they
may have been.</p><div class="plots">${plot.bayes}</div>
<h2>Disorder</h2><p>2 % of events arrive up to six hours late, 1 % twice, all within seconds of their neighbours.</p>`

/** From a market of 3,000 customers; everything is exact or counted, nothing fitted. */
function plots() {
  const market = createMarket({ seed: 1, customers: 3_000 })
  const need = histogram(market.people.needLevel, -2, 5, 14)
  const age = histogram(market.people.age, 15, 90, 15)
  const profit = [0, 0, 0]
  const sold = new Array<number>(20).fill(0)
  const hours = new Array<number>(24).fill(0)
  for (const { topics, oracle } of play(market, { months: 3 })) {
    for (let row = 0; row < oracle.discounts.rows; row++)
      for (const [arm, column] of [
        oracle.discounts.columns.profit0,
        oracle.discounts.columns.profit20,
        oracle.discounts.columns.profit25,
      ].entries())
        profit[arm]! += column[row]! / oracle.discounts.rows
    for (let row = 0; row < topics.usage.rows; row++)
      hours[Math.floor((topics.usage.columns.at[row]! / 3_600_000) % 24)]!++
    for (let row = 0; row < topics.purchases.rows; row++) {
      const item = topics.purchases.columns.item[row]!
      if (planOf(item) === undefined) sold[Math.floor((item - 100) / 15)]!++
    }
  }
  const compared = (['medium-taste', 'strong-taste', 'price-driven', 'null'] as const).map(preset => {
    const each = createMarket({ seed: 1, customers: 3_000, preset })
    return { label: preset, value: policyValue(each, fullInformation) / policyValue(each, ladderRule) }
  })
  const push = (['price-driven', 'medium-taste', 'strong-taste'] as const).map(preset => {
    let best = 0
    let popular = 0
    for (const { oracle } of play(createMarket({ seed: 1, customers: 1_000, preset }), { months: 2 }))
      for (let row = 0; row < oracle.pushes.rows; row++) {
        best += oracle.pushes.columns.openBest[row]!
        popular += oracle.pushes.columns.openPopular[row]!
      }
    return { label: preset, value: best / popular }
  })
  const bayes = (['A', 'B', 'C'] as const).map(name => {
    const p = upsellRows(name, 1, 5_000).oracle.columns.bayes.slice().sort()
    return {
      name,
      points: Array.from({ length: 50 }, (_, n) => [n / 49, p[Math.floor((n / 49) * (p.length - 1))]!] as const),
    }
  })
  const prices = [0, 6, 13].map((plan, n) => ({
    name: ['start-1', 'stream-12', 'flex-50'][n]!,
    points: Array.from({ length: 13 }, (_, month) => [month, planPrice(plan, month) / 100] as const),
  }))
  return {
    need: bars('Lasting log need', 'log GB a month', need),
    age: bars('Age', 'years', age),
    oracle: bars('Full information over the ladder rule', 'times the accepted offers', compared),
    prices: lines('Prices, €', 'month', prices),
    packages: bars(
      'Packages sold',
      'fifteen at a time: data, streaming, roaming, voice, social',
      sold.map((value, n) => ({ label: n % 4 === 0 ? String(15 * n) : '', value })),
    ),
    push: bars('Best sale over the most popular', 'times the opens', push),
    hours: bars(
      'Usage by hour',
      'hour',
      hours.map((value, hour) => ({ label: hour % 6 === 0 ? String(hour) : '', value })),
    ),
    profit: bars(
      'Profit of a month by uniform arm, cents',
      'next month’s loss taken off',
      profit.map((value, arm) => ({ label: ['none', '20 %', '25 %'][arm]!, value })),
    ),
    bayes: lines('Bayes p by rank', 'share of customers', bayes),
  }
}

type Plots = ReturnType<typeof plots>

function histogram(values: ArrayLike<number>, from: number, to: number, bins: number) {
  const counts = new Array<number>(bins).fill(0)
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor(((values[i]! - from) / (to - from)) * bins)
    if (bin >= 0 && bin < bins) counts[bin]!++
  }
  return counts.map((value, n) => ({
    label: n % 2 === 0 ? String(Number((from + ((to - from) * n) / bins).toFixed(1))) : '',
    value,
  }))
}

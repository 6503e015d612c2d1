/** Plain SVG for the page: bars and lines, nothing loaded from anywhere. */
const width = 340
const height = 190
const left = 44
const bottom = 34
const top = 24

const frame = (title: string, x: string, inside: string): string =>
  `<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}"><text class="t" x="${left}" y="14">${title}</text>${inside}<text class="x" x="${(left + width) / 2}" y="${height - 4}">${x}</text></svg></figure>`

const scaleY = (most: number) => (value: number) => height - bottom - (value / most) * (height - bottom - top)

/** Labels may not hold markup. */
export function bars(
  title: string,
  x: string,
  values: readonly { readonly label: string; readonly value: number }[],
): string {
  const most = Math.max(...values.map(({ value }) => value))
  const y = scaleY(most)
  const step = (width - left - 6) / values.length
  const marks = values.map(({ label, value }, n) => {
    const at = left + n * step
    return `<rect x="${(at + 1).toFixed(1)}" y="${y(value).toFixed(1)}" width="${(step - 2).toFixed(1)}" height="${(height - bottom - y(value)).toFixed(1)}"/><text class="l" x="${(at + step / 2).toFixed(1)}" y="${height - bottom + 11}">${label}</text>`
  })
  return frame(title, x, `${axis(most, y)}${marks.join('')}`)
}

export function lines(
  title: string,
  x: string,
  series: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[],
): string {
  const all = series.flatMap(({ points }) => points)
  const most = Math.max(...all.map(([, value]) => value))
  const from = Math.min(...all.map(([at]) => at))
  const to = Math.max(...all.map(([at]) => at))
  const y = scaleY(most)
  const xOf = (at: number): number => left + ((at - from) / (to - from)) * (width - left - 80)
  const drawn = series.map(({ name, points }, n) => {
    const path = points.map(([at, value]) => `${xOf(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    const last = points.at(-1)!
    return `<polyline class="s${n}" points="${path}"/><text class="n" x="${(xOf(last[0]) + 4).toFixed(1)}" y="${(y(last[1]) + 3).toFixed(1)}">${name}</text>`
  })
  const ends = `<text class="l" x="${left}" y="${height - bottom + 11}">${short(from)}</text><text class="l" x="${xOf(to)}" y="${height - bottom + 11}">${short(to)}</text>`
  return frame(title, x, `${axis(most, y)}${drawn.join('')}${ends}`)
}

function axis(most: number, y: (value: number) => number): string {
  return [0, most / 2, most]
    .map(
      value =>
        `<line x1="${left}" x2="${width - 6}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/><text class="y" x="${left - 4}" y="${(y(value) + 3).toFixed(1)}">${short(value)}</text>`,
    )
    .join('')
}

const short = (value: number): string => String(Number(value.toPrecision(2)))

// An explanation written out: columns for people, plain lines for pipes, a page for a browser.

import type { Section } from './explain-sections.ts'
import { table } from './output.ts'

/** On a terminal columns line up, and lists of two columns stand side by side; in a pipe a row is a line, cells between tabs. */
export function sectionsText(sections: readonly Section[], terminal: { readonly columns: number } | null): string {
  return sections
    .map(({ title, lines, rows }) =>
      [
        title,
        ...lines.map(line => `  ${line}`),
        ...(rows.length === 0
          ? []
          : [terminal === null ? plain(rows) : indented(table(beside(rows, terminal.columns)))]),
      ].join('\n'),
    )
    .join('\n\n')
}

const plain = (rows: readonly (readonly string[])[]): string => rows.map(row => row.join('\t')).join('\n')
const indented = (text: string): string => text.replace(/^/gm, '  ')

/** Long lists of pairs in as many columns as fit. */
function beside(rows: readonly (readonly string[])[], columns: number): readonly (readonly string[])[] {
  if (rows.length < 12 || rows[0]!.length !== 2) return rows
  const width = Math.max(...rows.map(([name, value]) => name!.length + value!.length)) + 4
  const across = Math.max(1, Math.floor((columns - 2) / width))
  const down = Math.ceil(rows.length / across)
  return Array.from({ length: down }, (_, line) =>
    Array.from({ length: across }, (_, column) => rows[column * down + line] ?? ['', '']).flat(),
  )
}

/** A page that needs nothing else. */
export function sectionsHtml(sections: readonly Section[]): string {
  const cells = (row: readonly string[], tag: 'td' | 'th') =>
    `<tr>${row.map(cell => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  const parts = sections.map(({ title, lines, rows }) =>
    [
      `<h2>${escaped(title)}</h2>`,
      ...lines.map(line => `<p>${escaped(line)}</p>`),
      rows.length === 0
        ? ''
        : `<div><table>${rows.map((row, at) => cells(row, at === 0 && row.length > 2 ? 'th' : 'td')).join('\n')}</table></div>`,
    ].join('\n'),
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(sections[0]!.title)}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c2430; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .2rem 0; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #e3e7ec; vertical-align: top; }
</style></head><body>
${parts.join('\n')}
</body></html>
`
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)

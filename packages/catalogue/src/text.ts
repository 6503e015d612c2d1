// What an item's message is made of: a pattern a locale, filled in with what the catalogue says of the item.
import type { CatalogueItem } from '@offerstream/contracts'
import { fit, type Kind, largestBytes, localesFor, money, patternProblems, render } from '@offerstream/messages'

/** Every item has a text in it. */
const fallback = 'en'
/** Bytes of UTF-8 that leave room for the rest of a push. */
const textBytes = 1024
const nameBytes = 120

type Told = {
  readonly kind: Kind
  /** Null where the item has none: its texts may not name it then. */
  readonly of: (item: CatalogueItem, locale: string, expiresAt: number) => string | number | Date | null
}

const told = {
  item: { kind: { is: 'text', bytes: nameBytes }, of: ({ name }) => fit(name, nameBytes) },
  brand: { kind: { is: 'text', bytes: nameBytes }, of: ({ brand }) => fit(brand, nameBytes) },
  price: {
    kind: { is: 'text', bytes: 60 },
    of: ({ priceMinor, currency }, locale) => money(priceMinor, currency, locale),
  },
  gb: { kind: { is: 'number', bytes: 40 }, of: ({ quotaKb }) => (quotaKb === null ? null : quotaKb / 1_048_576) },
  minutes: { kind: { is: 'number', bytes: 40 }, of: ({ minutes }) => minutes },
  texts: { kind: { is: 'number', bytes: 40 }, of: ({ texts }) => texts },
  days: { kind: { is: 'number', bytes: 40 }, of: ({ validityDays }) => validityDays },
  until: { kind: { is: 'moment', bytes: 120 }, of: (_item, _locale, expiresAt) => new Date(expiresAt) },
} as const satisfies Record<string, Told>

const tellings = Object.entries(told) as readonly (readonly [string, Told])[]

/** What is wrong with an item's texts, each problem naming its locale. */
export function textProblems(item: CatalogueItem): string[] {
  const locales = Object.keys(item.text)
  if (locales.length === 0) return []
  const known = Object.fromEntries(tellings.filter(([, { of }]) => of(item, fallback, 0) !== null)) as Readonly<
    Record<string, Told>
  >
  const kinds = Object.fromEntries(Object.entries(known).map(([name, { kind }]) => [name, kind]))
  const problems = locales.flatMap(locale => {
    const [canonical] = localesFor(locale, '')
    if (canonical !== locale)
      return [`text ${locale}: is no BCP 47 locale${canonical === undefined ? '' : `, wanted ${canonical}`}`]
    const pattern = item.text[locale]!
    const wrong = patternProblems(pattern, locale, kinds).map(problem => `text ${locale}: ${problem}`)
    if (wrong.length > 0) return wrong
    // They take six bytes each in a push, and no device shows them.
    if (/[\p{Cc}--[\n\t]]/v.test(pattern)) return [`text ${locale}: has control characters`]
    const bytes = largestBytes(pattern, locale, kinds)
    return bytes > textBytes ? [`text ${locale}: can be ${bytes} bytes long, ${textBytes} are allowed`] : []
  })
  return item.text[fallback] === undefined ? [`text has no ${fallback} to fall back on`, ...problems] : problems
}

/** The item's message for a customer: in their locale or the nearest there is; the item's name where it has none. */
export function textFor(item: CatalogueItem, locale: string, zone: string, expiresAt: number): string {
  const found = render(item.text, { locale, zone, fallback }, each =>
    Object.fromEntries(tellings.map(([name, { of }]) => [name, of(item, each, expiresAt) ?? ''])),
  )
  return found === null ? item.name : fit(found.text, textBytes)
}

import { type Formatters, IntlMessageFormat } from 'intl-messageformat'
import { localesFor } from './locales.ts'
import { parsed } from './pattern.ts'

/** Patterns of one message by locale. */
export type Texts = Readonly<Record<string, string>>

/** Values by name, made for the locale that was found. */
export type Arguments = (locale: string) => Readonly<Record<string, string | number | Date>>

/**
 * The message in the customer's locale or the nearest there is; null where there is none, not even in `fallback`. Moments
 * are shown in the customer's IANA zone, in UTC where that is unknown. Throws where an argument is missing: patterns are
 * checked when they are published.
 */
export function render(
  texts: Texts,
  { locale, zone, fallback }: { readonly locale: string; readonly zone: string; readonly fallback: string },
  values: Arguments,
): { readonly text: string; readonly locale: string } | null {
  const found = localesFor(locale, fallback).find(each => Object.hasOwn(texts, each))
  if (found === undefined) return null
  return { text: String(messages(found, zone, texts[found]!).format(values(found))), locale: found }
}

const messages = remembering(
  (locale: string, zone: string, pattern: string) =>
    new IntlMessageFormat(parsed(pattern, locale), locale, undefined, { formatters: formatters(known(zone)) }),
)

const known = remembering((zone: string): string => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
  } catch {
    return 'UTC'
  }
})

const formatters = remembering((zone: string): Formatters => {
  const moments = remembering((locale: string, options: string) => new Intl.DateTimeFormat(locale, JSON.parse(options)))
  return {
    getDateTimeFormat: (locale, options) => moments(String(locale), JSON.stringify({ ...options, timeZone: zone })),
    getNumberFormat: (locale, options) => numbers(String(locale), JSON.stringify(options ?? {})),
    getPluralRules: (locale, options) => plurals(String(locale), JSON.stringify(options ?? {})),
  }
})
const numbers = remembering((locale: string, options: string) => new Intl.NumberFormat(locale, JSON.parse(options)))
const plurals = remembering((locale: string, options: string) => new Intl.PluralRules(locale, JSON.parse(options)))

/** The function with its newest results kept: what Intl makes takes long to make. */
function remembering<Given extends readonly string[], Made>(
  make: (...given: Given) => Made,
): (...given: Given) => Made {
  const kept = new Map<string, Made>()
  return (...given) => {
    const key = given.join('\n')
    let made = kept.get(key)
    if (made === undefined) {
      made = make(...given)
      if (kept.size >= 2000) kept.delete(kept.keys().next().value!)
      kept.set(key, made)
    }
    return made
  }
}

/**
 * Where to look for a text, the best first: the locale, what is left as subtags are taken off its end, then the fallback
 * with the same done to it. Lookup of RFC 4647, 3.4. A locale that is no BCP 47 tag leaves the fallback alone.
 *
 * `localesFor('zh-Hant-TW', 'en')` is zh-Hant-TW, zh-Hant, zh, en.
 */
export function localesFor(locale: string, fallback: string): readonly string[] {
  return [...new Set([...shortened(locale), ...shortened(fallback)])]
}

function shortened(locale: string): string[] {
  let subtags: string[]
  try {
    subtags = Intl.getCanonicalLocales(locale.replaceAll('_', '-'))[0]?.split('-') ?? []
  } catch {
    return []
  }
  const all: string[] = []
  while (subtags.length > 0) {
    all.push(subtags.join('-'))
    subtags.pop()
    // What a single letter opens says nothing without what follows it.
    if (subtags.at(-1)?.length === 1) subtags.pop()
  }
  return all
}

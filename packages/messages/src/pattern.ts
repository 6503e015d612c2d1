// What can be said of an ICU MessageFormat pattern before it is ever used.
import { type MessageFormatElement, parse, TYPE } from '@formatjs/icu-messageformat-parser'
import { utf8Bytes } from './fit.ts'

/** What an argument is: a text as it stands (money is one), a number that can choose a plural, a moment. */
export type Kind = { readonly is: 'text' | 'number' | 'moment'; readonly bytes: number }

const longestPattern = 4000
const deepest = 6

/** What is wrong with a pattern; empty where nothing is. `known` are the arguments it may name. */
export function patternProblems(pattern: string, locale: string, known: Readonly<Record<string, Kind>>): string[] {
  if (pattern.length > longestPattern) return [`is ${pattern.length} characters long, ${longestPattern} are allowed`]
  let elements: MessageFormatElement[]
  try {
    elements = parsed(pattern, locale)
  } catch (error) {
    return [`is no ICU message: ${(error as Error).message.toLowerCase().replaceAll('_', ' ')}`]
  }
  return [...new Set(problemsOf(elements, known, 0))]
}

/**
 * The most bytes of UTF-8 that a pattern can become, whatever is put in: literals, the longest branch of each choice, and
 * of each argument as many as `known` says. The pattern has no problems.
 */
export function largestBytes(pattern: string, locale: string, known: Readonly<Record<string, Kind>>): number {
  return sizeOf(parsed(pattern, locale), known)
}

export const parsed = (pattern: string, locale: string): MessageFormatElement[] =>
  parse(pattern, { ignoreTag: true, requiresOtherClause: true, locale: new Intl.Locale(locale) })

function problemsOf(
  elements: readonly MessageFormatElement[],
  known: Readonly<Record<string, Kind>>,
  depth: number,
): string[] {
  if (depth > deepest) return [`nests choices ${depth} deep, ${deepest} are allowed`]
  return elements.flatMap(element => {
    if (element.type === TYPE.literal || element.type === TYPE.pound || element.type === TYPE.tag) return []
    const kind = known[element.value]
    const named =
      kind === undefined
        ? [`names ${element.value}, which no offer has (it has ${Object.keys(known).join(', ')})`]
        : wrongKind(element, kind)
    if (element.type !== TYPE.select && element.type !== TYPE.plural) return named
    return [...named, ...Object.values(element.options).flatMap(({ value }) => problemsOf(value, known, depth + 1))]
  })
}

function wrongKind(element: Exclude<MessageFormatElement, { type: TYPE.literal | TYPE.pound }>, kind: Kind): string[] {
  const wanted =
    element.type === TYPE.plural || element.type === TYPE.number
      ? 'number'
      : element.type === TYPE.date || element.type === TYPE.time
        ? 'moment'
        : null
  return wanted === null || kind.is === wanted ? [] : [`takes ${element.value} as a ${wanted}, it is a ${kind.is}`]
}

function sizeOf(elements: readonly MessageFormatElement[], known: Readonly<Record<string, Kind>>): number {
  let size = 0
  // The number that a plural's # stands for is one of the known.
  const number = Math.max(0, ...Object.values(known).map(({ is, bytes }) => (is === 'number' ? bytes : 0)))
  for (const element of elements) {
    if (element.type === TYPE.literal) size += utf8Bytes(element.value)
    else if (element.type === TYPE.pound) size += number
    else if (element.type === TYPE.select || element.type === TYPE.plural)
      size += Math.max(...Object.values(element.options).map(({ value }) => sizeOf(value, known)))
    else if (element.type !== TYPE.tag) size += known[element.value]?.bytes ?? 0
  }
  return size
}

/** The first place where two values part, and what each holds there, short enough to read. */
export type FieldDifference = { readonly field: string; readonly recorded: string; readonly anew: string }

/** Goes through objects by the recorded one's order of fields and through lists by place; null where nothing differs. */
export function fieldDifference(recorded: unknown, anew: unknown, field = ''): FieldDifference | null {
  if (Object.is(recorded, anew)) return null
  if (isObject(recorded) && isObject(anew) && Array.isArray(recorded) === Array.isArray(anew)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(anew)])) {
      const place = Array.isArray(recorded) ? `${field}[${key}]` : field === '' ? key : `${field}.${key}`
      const found = fieldDifference(recorded[key], anew[key], place)
      if (found !== null) return found
    }
    return null
  }
  return { field, recorded: shown(recorded), anew: shown(anew) }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const shown = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`
}

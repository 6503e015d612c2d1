import { type Parsed, parseRecord } from '@offerstream/catalogue'
import { Refused } from '@offerstream/streaming'

/**
 * Playbook records from JSON: one, a list, or one a line, each as `parseRecord` reads it, with its place before what is
 * wrong with it where there are several. Throws `Refused` where the text is no JSON or holds none.
 */
export function parseRecords(text: string, at: number): readonly Parsed[] {
  const given = parseJson(text)
  if (given.length === 0) throw new Refused('there is no record in it')
  return given.map((value, index) => {
    const parsed = parseRecord(value, at)
    return 'problems' in parsed && given.length > 1
      ? { problems: parsed.problems.map(problem => `record ${index + 1}: ${problem}`) }
      : parsed
  })
}

function parseJson(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)].flat()
  } catch (whole) {
    const lines = text.split('\n').filter(line => line.trim() !== '')
    try {
      if (lines.length > 1) return lines.map(line => JSON.parse(line))
    } catch {}
    throw new Refused(`it is not JSON: ${(whole as Error).message}`)
  }
}

const ellipsis = '…'

export const utf8Bytes = (text: string): number => Buffer.byteLength(text)

/** The text, or as much of it as fits into so many bytes of UTF-8 with an ellipsis, cut between graphemes. */
export function fit(text: string, bytes: number): string {
  if (utf8Bytes(text) <= bytes) return text
  let kept = ''
  let left = bytes - utf8Bytes(ellipsis)
  for (const { segment } of graphemes.segment(text)) {
    left -= utf8Bytes(segment)
    if (left < 0) break
    kept += segment
  }
  return kept === '' ? '' : `${kept.trimEnd()}${ellipsis}`
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

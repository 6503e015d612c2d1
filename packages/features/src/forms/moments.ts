import type { Cells, Form } from './form.ts'

/** The newest `many` different moments, newest first; a purchase taken back was still a purchase made. */
const moments = (many: number): Form => {
  const put = (cells: Cells, at: number): Cells => {
    let i = 0
    while (i < cells.length && cells[i]! > at) i++
    if (cells[i] === at || i === many) return cells
    if (many === 1) return [at]
    return [...cells.slice(0, i), at, ...cells.slice(i, many - 1)]
  }
  return {
    bucketed: false,
    add: (cells, { at, weight }) => (weight < 0 ? cells : put(cells, at)),
    merge: (left, right) => right.reduce(put, left),
    pack(writer, cells, at) {
      if (many > 1) writer.bits(cells.length - 1, countBits)
      let newer = at
      for (const moment of cells) {
        writer.natural(newer - moment)
        newer = moment
      }
    },
    unpack(reader, at) {
      const cells: number[] = []
      let newer = at
      for (let left = many > 1 ? reader.bits(countBits) + 1 : 1; left > 0; left--) {
        newer -= reader.natural()
        cells.push(newer)
      }
      return cells
    },
    most: () => many,
  }
}

const countBits = 1

export const newestMoment = moments(1)
export const newestTwoMoments = moments(2)

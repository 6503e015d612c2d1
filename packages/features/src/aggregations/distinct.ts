import { mostHashes } from '../forms/hashes.ts'
import { textHashBits } from '../hash.ts'
import type { Aggregation } from './aggregation.ts'

const hashesPossible = 2 ** textHashBits

/**
 * How many different ones there ever were: exact below 32, estimated from the 32 smallest hashes above.
 * Source: Beyer and others, On synopses for distinct-value estimation under multiset operations, SIGMOD 2007: (k - 1) / U₍ₖ₎.
 */
export const distinct: Aggregation = {
  forms: ['hashes'],
  says: 'number of different {}',
  inFieldUnit: false,
  retraction: 'changes nothing',
  value: ([cells]) => estimate(cells!),
  oracle([entries]) {
    const different = new Set(entries!.filter(({ weight }) => weight > 0).map(({ value }) => value))
    return estimate([...different].sort((a, b) => a - b).slice(0, mostHashes))
  },
}

const estimate = (smallest: readonly number[]): number =>
  smallest.length < mostHashes
    ? smallest.length
    : Math.round(((mostHashes - 1) * hashesPossible) / (smallest[mostHashes - 1]! + 1))

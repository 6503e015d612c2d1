/** A small stream of chance: the same words always give the same draws, whatever was drawn elsewhere. */
export type Random = {
  /** Begins the stream that belongs to these words. */
  seed(a: number, b: number, c: number): Random
  /** Uniform in [0, 1). */
  next(): number
  /** Standard normal (Box–Muller, one of the pair). */
  normal(): number
  /** Standard logistic. */
  logistic(): number
  /** Poisson by inversion; for means of at most a few dozen. */
  poisson(mean: number): number
  gamma(shape: number): number
  beta(a: number, b: number): number
}

export function createRandom(): Random {
  let state = 0
  // mulberry32 steps a 32-bit word; the words of the stream are mixed by murmur3's finalizer.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const random: Random = {
    seed(a, b, c) {
      state = mix(mix(mix(0x9e3779b9, a), b), c)
      return random
    },
    next,
    normal,
    logistic() {
      const u = Math.min(Math.max(next(), 1e-12), 1 - 1e-12)
      return Math.log(u / (1 - u))
    },
    poisson(mean) {
      let k = 0
      let p = Math.exp(-mean)
      let u = next() - p
      while (u > 0 && k < 200) {
        k++
        p *= mean / k
        u -= p
      }
      return k
    },
    // Marsaglia and Tsang (2000), shapes of at least 1.
    gamma(shape) {
      const d = shape - 1 / 3
      const c = 1 / Math.sqrt(9 * d)
      for (;;) {
        const x = normal()
        const v = (1 + c * x) ** 3
        if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
      }
    },
    beta(a, b) {
      const x = random.gamma(a)
      return x / (x + random.gamma(b))
    },
  }
  return random
}

/** A 32-bit word for a text (FNV-1a, finalized). */
export function hashText(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return mix(h, text.length)
}

function mix(h: number, word: number): number {
  let x = (h ^ Math.imul(word | 0, 0x85ebca6b)) | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) | 0
}

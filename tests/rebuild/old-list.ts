// Loaded before a service: the list of features as a version before this one had it, with one feature less.
import { registerHooks } from 'node:module'

const removed = /^ {2}\w+: [^\n]*distinct\([^\n]*\n/m

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith('/packages/features/src/features.ts')) return loaded
    const source = String(loaded.source)
    if (!removed.test(source)) throw new Error('features.ts has no feature to take away')
    return { ...loaded, source: source.replace(removed, '') }
  },
})

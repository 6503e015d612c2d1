import type { ModelPromotion } from '@offerstream/contracts'
import { loadModel, type Model, type ModelOptions } from './models.ts'
import { createPool } from './pool.ts'

/** Models at hand. Each is loaded once and stays, so that no batch under way loses the one it scores with. */
export type Models = {
  /** Throws `ModelRefused`; a refused one is tried anew when it is asked for again. */
  load(promotion: Pick<ModelPromotion, 'name' | 'version' | 'sha256'>): Promise<Model>
  close(): Promise<void>
}

export type ModelsOptions = Omit<ModelOptions, 'pool'> & {
  /** Worker threads for large batches; none unless given. */
  readonly threads?: number
}

export function createModels(folder: string, { threads = 0, ...options }: ModelsOptions = {}): Models {
  const pool = threads > 0 ? createPool(threads) : null
  const loading = new Map<string, Promise<Model>>()
  return {
    load({ name, version, sha256 }) {
      const key = `${name}/${version}/${sha256}`
      let model = loading.get(key)
      if (model === undefined) {
        model = loadModel(folder, name, version, sha256, pool === null ? options : { ...options, pool })
        loading.set(key, model)
        model.catch(() => loading.delete(key))
      }
      return model
    },
    async close() {
      for (const model of await Promise.allSettled(loading.values()))
        if (model.status === 'fulfilled') await model.value.close()
      loading.clear()
      await pool?.close()
    },
  }
}

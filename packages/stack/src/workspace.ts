import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..', '..', '..')

export const infra = path.join(root, 'infra')
export const defaultDirectory = path.join(root, '.local')

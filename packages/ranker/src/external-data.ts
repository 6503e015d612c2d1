import { fieldsOf } from './protobuf.ts'

/** Whether any tensor of an ONNX model keeps its data in another file. Field numbers are those of onnx.proto3. */
export const hasExternalData = (model: Uint8Array): boolean => anyExternal(model, messages.model)

type Message = { readonly [field: number]: keyof typeof messages | 'external' }

/** Where tensors can hide: which fields of which message lead on to which message. */
const messages = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparseTensor', 23: 'sparseTensor' },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'external', 14: 'external' },
} as const satisfies Record<string, Record<number, string>>

function anyExternal(bytes: Uint8Array, message: Message): boolean {
  for (const { field, value } of fieldsOf(bytes)) {
    const next = message[field]
    if (next === undefined) continue
    // external_data names a file; data_location is 1 for external, 0 for within.
    if (next === 'external') {
      if (value !== 0) return true
    } else if (typeof value !== 'number' && anyExternal(value, messages[next])) return true
  }
  return false
}

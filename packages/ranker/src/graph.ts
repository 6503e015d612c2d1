// What the walker reads of an ONNX file. Field and type numbers are those of onnx.proto3.
import { fieldsOf, varintsOf } from './protobuf.ts'

/** Rows × columns, row after row. A vector is one row, a scalar one row of one column. */
export type Matrix = {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
  /** Whether the graph keeps it in double precision; else every value is a float32. */
  readonly double: boolean
}

type Attribute = {
  readonly float: number
  readonly integer: number
  readonly text: string
  readonly floats: readonly number[]
  readonly integers: readonly number[]
  readonly texts: readonly string[]
  readonly tensor: Matrix | null
}

export type GraphNode = {
  readonly operation: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, Attribute>
}

export type Graph = {
  readonly input: string
  readonly constants: ReadonlyMap<string, Matrix>
  /** Each after those it takes from. */
  readonly nodes: readonly GraphNode[]
}

/** A graph the walker does not understand, with the reason. */
export class Unwalkable extends Error {
  override name = 'Unwalkable'
}

/** Throws `Unwalkable`, and `RangeError` for bytes that are no protobuf. */
export function graphOf(model: Uint8Array): Graph {
  const graph = messagesAt(model, 7)[0]
  if (graph === undefined) throw new Unwalkable('has no graph')
  const constants = new Map(messagesAt(graph, 5).map(tensor => [textAt(tensor, 8), matrixOf(tensor)]))
  const inputs = messagesAt(graph, 11)
    .map(value => textAt(value, 1))
    .filter(name => !constants.has(name))
  if (inputs.length !== 1) throw new Unwalkable(`has ${inputs.length} inputs, wanted one`)
  return { input: inputs[0]!, constants, nodes: messagesAt(graph, 1).map(nodeOf) }
}

const nodeOf = (node: Uint8Array): GraphNode => ({
  operation: textAt(node, 4),
  inputs: messagesAt(node, 1).map(text),
  outputs: messagesAt(node, 2).map(text),
  attributes: new Map(messagesAt(node, 5).map(attribute => [textAt(attribute, 1), attributeOf(attribute)])),
})

function attributeOf(attribute: Uint8Array): Attribute {
  const tensor = messagesAt(attribute, 5)[0]
  return {
    float: floatsAt(attribute, 2, 4)[0] ?? 0,
    integer: integersAt(attribute, 3)[0] ?? 0,
    text: textAt(attribute, 4),
    floats: floatsAt(attribute, 7, 4),
    integers: integersAt(attribute, 8),
    texts: messagesAt(attribute, 9).map(text),
    tensor: tensor === undefined ? null : matrixOf(tensor),
  }
}

const float = 1
const double = 11

function matrixOf(tensor: Uint8Array): Matrix {
  const shape = integersAt(tensor, 1)
  const type = integersAt(tensor, 2)[0]
  if (type !== float && type !== double) throw new Unwalkable(`has a tensor of type ${type}, wanted float or double`)
  if (shape.length > 2) throw new Unwalkable(`has a tensor of ${shape.length} dimensions, wanted at most two`)
  const raw = messagesAt(tensor, 9)[0]
  const size = type === float ? 4 : 8
  const values = raw === undefined ? floatsAt(tensor, type === float ? 4 : 10, size) : numbersOf(raw, size)
  const columns = shape.at(-1) ?? 1
  const rows = shape.length === 2 ? shape[0]! : 1
  if (values.length !== rows * columns)
    throw new Unwalkable(`has a tensor of ${values.length} values, its shape says ${rows * columns}`)
  return { rows, columns, values: Float64Array.from(values), double: type === double }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
const textAt = (message: Uint8Array, at: number): string => text(messagesAt(message, at)[0] ?? new Uint8Array())

function messagesAt(message: Uint8Array, at: number): Uint8Array[] {
  const found: Uint8Array[] = []
  for (const { field, value } of fieldsOf(message)) if (field === at && typeof value !== 'number') found.push(value)
  return found
}

/** Repeated, packed or one by one. */
function integersAt(message: Uint8Array, at: number): number[] {
  const found: number[] = []
  for (const { field, value } of fieldsOf(message))
    if (field === at) found.push(...(typeof value === 'number' ? [value] : varintsOf(value)))
  return found
}

const floatsAt = (message: Uint8Array, at: number, size: 4 | 8): number[] =>
  messagesAt(message, at).flatMap(bytes => numbersOf(bytes, size))

function numbersOf(bytes: Uint8Array, size: 4 | 8): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) =>
    size === 4 ? view.getFloat32(index * 4, true) : view.getFloat64(index * 8, true),
  )
}

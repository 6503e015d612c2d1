// Writes small ONNX graphs. Field numbers are those of onnx.proto3, opset 17, IR 9.

export type Node = {
  readonly op: string
  readonly in: readonly string[]
  readonly out: string
  /** Empty unless given; `ai.onnx.ml` for trees. */
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, Attribute>>
}
type Attribute =
  | { readonly integer: number }
  | { readonly text: string }
  | { readonly floats: readonly number[] }
  | { readonly integers: readonly number[] }
  | { readonly texts: readonly string[] }
  /** A tensor of one dimension. */
  | { readonly doubles: readonly number[] }
export type Constant = { readonly name: string; readonly shape: readonly number[]; readonly values: readonly number[] }

/** A graph of float32: one input of rows × width, outputs of one number per row. */
export const onnxModel = (
  name: string,
  input: string,
  width: number,
  constants: readonly Constant[],
  nodes: readonly Node[],
  outputs: readonly string[],
): Uint8Array =>
  bytes(
    number(1, 9),
    text(2, 'offerstream'),
    message(
      7,
      ...nodes.map(node =>
        message(
          1,
          ...node.in.map(each => text(1, each)),
          ...[text(2, node.out), text(3, node.out), text(4, node.op)],
          ...Object.entries(node.attributes ?? {}).map(([name, value]) =>
            message(5, text(1, name), ...attributeOf(value)),
          ),
          ...(node.domain === undefined ? [] : [text(7, node.domain)]),
        ),
      ),
      text(2, name),
      ...constants.map(({ name, shape, values }) =>
        message(
          5,
          ...shape.map(size => number(1, size)),
          number(2, float),
          text(8, name),
          field(9, new Uint8Array(Float32Array.from(values).buffer)),
        ),
      ),
      value(11, input, width),
      ...outputs.map(output => value(12, output, 1)),
    ),
    message(8, text(1, ''), number(2, 17)),
    ...(nodes.some(node => node.domain === trees) ? [message(8, text(1, trees), number(2, 3))] : []),
  )

const trees = 'ai.onnx.ml'
const float = 1
const double = 11

/** The value, and which of the types of an attribute it has. */
function attributeOf(value: Attribute): Uint8Array[] {
  if ('integer' in value) return [number(3, value.integer), number(20, 2)]
  if ('text' in value) return [text(4, value.text), number(20, 3)]
  if ('floats' in value) return [field(7, new Uint8Array(Float32Array.from(value.floats).buffer)), number(20, 6)]
  if ('integers' in value) return [field(8, bytes(...value.integers.map(varint))), number(20, 7)]
  if ('texts' in value) return [...value.texts.map(each => text(9, each)), number(20, 8)]
  const raw = new Uint8Array(Float64Array.from(value.doubles).buffer)
  return [message(5, number(1, value.doubles.length), number(2, double), field(9, raw)), number(20, 4)]
}

/** A float tensor of `rows` × width. */
const value = (at: number, name: string, width: number): Uint8Array =>
  message(
    at,
    text(1, name),
    message(2, message(1, number(1, float), message(2, message(1, text(2, 'rows')), message(1, number(1, width))))),
  )

const bytes = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)

function varint(value: number): Uint8Array {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...out, rest])
    out.push((rest % 128) + 128)
  }
}

const number = (at: number, value: number): Uint8Array => bytes(varint(at * 8), varint(value))
const field = (at: number, value: Uint8Array): Uint8Array => bytes(varint(at * 8 + 2), varint(value.length), value)
const text = (at: number, value: string): Uint8Array => field(at, Buffer.from(value, 'utf8'))
const message = (at: number, ...parts: readonly Uint8Array[]): Uint8Array => field(at, bytes(...parts))

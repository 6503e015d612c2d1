// Writes small ONNX graphs. Field numbers are those of onnx.proto3, opset 17, IR 9.

export type Node = { readonly op: string; readonly in: readonly string[]; readonly out: string }
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
        message(1, ...node.in.map(each => text(1, each)), text(2, node.out), text(3, node.out), text(4, node.op)),
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
  )

const float = 1

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

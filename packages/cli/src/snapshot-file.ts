// One partition of a snapshot: frames of a length and an Avro record, pages of rows first, last what is not by key. A later
// row of a key replaces an earlier one.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { codecOf } from '@offerstream/contracts'
import { type Captured, type CausePosition, Refused, type StateRow } from '@offerstream/streaming'

export type SnapshotFile = { readonly path: string; readonly bytes: number; readonly sha256: string }

type Row = { readonly key: string; readonly state: Buffer | null; readonly due: number | null }
type End = {
  readonly watermark: number | null
  readonly causes: Readonly<Record<string, readonly number[]>>
  readonly counts: Readonly<Record<string, number>>
  readonly outbox: Buffer | null
  readonly states: number
}
type Frame = { readonly rows: readonly Row[]; readonly end: End | null }

const codec = codecOf<Frame>(
  JSON.stringify({
    type: 'record',
    name: 'SnapshotFrame',
    fields: [
      {
        name: 'rows',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'Row',
            fields: [
              { name: 'key', type: 'string' },
              { name: 'state', type: ['null', 'bytes'] },
              { name: 'due', type: ['null', 'double'] },
            ],
          },
        },
      },
      {
        name: 'end',
        type: [
          'null',
          {
            type: 'record',
            name: 'End',
            fields: [
              { name: 'watermark', type: ['null', 'long'] },
              { name: 'causes', type: { type: 'map', values: { type: 'array', items: 'long' } } },
              { name: 'counts', type: { type: 'map', values: 'long' } },
              { name: 'outbox', type: ['null', 'bytes'] },
              { name: 'states', type: 'long' },
            ],
          },
        ],
      },
    ],
  }),
)
const lengthBytes = 4

/** Writes what `capture` hands over, from the beginning of the file; answers null where there is nothing to write. */
export async function writeSnapshotFile(
  path: string,
  capture: (see: (rows: readonly StateRow[]) => Promise<void>) => Promise<Captured | null>,
): Promise<(SnapshotFile & { readonly captured: Captured }) | null> {
  const hash = createHash('sha256')
  let bytes = 0
  const file = await open(path, 'w')
  const write = async (frame: Frame): Promise<void> => {
    const framed = codec.encode(frame, lengthBytes)
    framed.writeUInt32BE(framed.length - lengthBytes, 0)
    hash.update(framed)
    bytes += framed.length
    await file.write(framed)
  }
  try {
    const captured = await capture(rows =>
      write({ rows: rows.map(([key, state, due]) => ({ key, state, due })), end: null }),
    )
    if (captured === null) return null
    const causes = Object.fromEntries(captured.causes) as End['causes']
    await write({ rows: [], end: { ...captured, causes, counts: Object.fromEntries(captured.counts) } })
    await file.sync()
    return { path, bytes, sha256: hash.digest('hex'), captured }
  } finally {
    await file.close()
  }
}

/** Reads a file back: pages of rows, then the rest. Throws `Refused` naming a file that ends early. */
export async function readSnapshotFile(
  path: string,
  see: (rows: readonly StateRow[]) => Promise<void>,
): Promise<Captured> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    held = held.length === 0 ? (chunk as Buffer) : Buffer.concat([held, chunk as Buffer])
    while (held.length >= lengthBytes && held.length >= lengthBytes + held.readUInt32BE(0)) {
      const length = lengthBytes + held.readUInt32BE(0)
      const { rows, end } = codec.decode(held.subarray(lengthBytes, length))
      held = held.subarray(length)
      if (rows.length > 0) await see(rows.map(({ key, state, due }) => [key, state, due]))
      if (end !== null) {
        const causes = new Map(Object.entries(end.causes) as unknown as [string, CausePosition][])
        return { ...end, causes, counts: new Map(Object.entries(end.counts)) }
      }
    }
  }
  throw new Refused(`${path} ends before its end`)
}

/** Why a file is not the one that was written, null where it is. */
export async function damageOf({ path, bytes, sha256 }: SnapshotFile): Promise<string | null> {
  const found = await stat(path).catch(() => null)
  if (found === null) return `${path} is missing`
  if (found.size < bytes) return `${path} is cut: it has ${found.size} of ${bytes} bytes`
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex') === sha256 ? null : `${path} is not the file that was written: its bytes changed`
}

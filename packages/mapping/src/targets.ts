// What a mapping can fill, read from the record schemas: a field added there can be mapped at once. Units follow from
// names (priceMinor, dataKb, seconds), which is why names end in them.
import { schemas } from '@offerstream/contracts'

export type TargetKind =
  | 'text'
  | 'moment'
  | 'choice'
  | 'flag'
  | 'count'
  | 'money'
  | 'volume'
  | 'duration'
  | 'flags'
  | 'texts'

export type Target = {
  readonly name: string
  readonly kind: TargetKind
  readonly required: boolean
  /** What stands there when nothing is mapped or the source has no value; undefined where the field is required. */
  readonly fallback: unknown
  /** Of a choice. */
  readonly choices: readonly string[]
  /** Largest whole number that the field holds. */
  readonly most: number
}

/** The records that a company's own messages can become. */
export const recordNames = ['purchase', 'purchase-retracted', 'usage', 'engagement', 'customer'] as const
export type RecordName = (typeof recordNames)[number]

type Shape =
  | string
  | {
      readonly type: string
      readonly logicalType?: string
      readonly symbols?: readonly string[]
      readonly default?: string
    }
type Field = { readonly name: string; readonly type: Shape | readonly Shape[]; readonly default?: unknown }

function targetOf({ name, type, default: given }: Field): Target {
  const shape = Array.isArray(type) ? (type as readonly Shape[]).find(each => each !== 'null')! : (type as Shape)
  // A field without a default may be a choice with a symbol for what it does not know.
  const fallback = given === undefined && typeof shape !== 'string' ? shape.default : given
  const plain = typeof shape === 'string' ? shape : shape.type
  return {
    name,
    kind: kindOf(name, plain, typeof shape === 'string' ? undefined : shape.logicalType),
    required: fallback === undefined,
    fallback,
    choices: typeof shape === 'string' ? [] : (shape.symbols ?? []),
    most: plain === 'int' ? 2_147_483_647 : Number.MAX_SAFE_INTEGER,
  }
}

function kindOf(name: string, plain: string, logical: string | undefined): TargetKind {
  if (logical === 'timestamp-millis') return 'moment'
  switch (plain) {
    case 'string':
      return 'text'
    case 'enum':
      return 'choice'
    case 'boolean':
      return 'flag'
    case 'map':
      return 'flags'
    case 'array':
      return 'texts'
    case 'int':
    case 'long':
      if (name.endsWith('Minor')) return 'money'
      if (name.endsWith('Kb')) return 'volume'
      return name === 'seconds' ? 'duration' : 'count'
    default:
      throw new Error(`no way is known to map onto ${name}, which is ${plain}`)
  }
}

const read = (record: RecordName): ReadonlyMap<string, Target> =>
  new Map(
    (JSON.parse(schemas[record]) as { fields: readonly Field[] }).fields
      .filter(({ name }) => name !== 'type')
      .map(field => [field.name, targetOf(field)]),
  )

/** What can be filled of each record, by name. */
export const targets: Readonly<Record<RecordName, ReadonlyMap<string, Target>>> = Object.fromEntries(
  recordNames.map(record => [record, read(record)]),
) as Record<RecordName, ReadonlyMap<string, Target>>

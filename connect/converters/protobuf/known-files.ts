/**
 * The files that every Protobuf schema may import: Google's wrappers, times and dates, Confluent's decimal and options. Those that
 * converters do not write are protobufjs's.
 */
import type protobuf from 'protobufjs'
import { protobufJs } from './protobuf-js.ts'

const DECLARATION = 'syntax = "proto3";\n'

const wrapped = ['double', 'float', 'int64', 'uint64', 'int32', 'uint32', 'bool', 'string', 'bytes'] as const
const wrapperName = (scalar: string): string =>
  `${scalar.startsWith('uint') ? `UInt${scalar.slice(4)}` : scalar.charAt(0).toUpperCase() + scalar.slice(1)}Value`

/** The messages of google/protobuf/wrappers.proto, by scalar type. */
export const wrapperTypes: ReadonlyMap<string, string> = new Map(
  wrapped.map((scalar) => [scalar, `google.protobuf.${wrapperName(scalar)}`]),
)
/** The scalar types, by message. */
export const wrappedScalars: ReadonlyMap<string, string> = new Map([...wrapperTypes].map(([scalar, name]) => [name, scalar]))

export const wrappersProto = `${DECLARATION}package google.protobuf;\n\n${wrapped
  .map((scalar) => `message ${wrapperName(scalar)} {\n  ${scalar} value = 1;\n}\n`)
  .join('')}`

export const DECIMAL = 'confluent.type.Decimal'
export const DATE = 'google.type.Date'
export const TIME_OF_DAY = 'google.type.TimeOfDay'
export const TIMESTAMP = 'google.protobuf.Timestamp'

/** Where each message is that converters write. */
export const locations: Readonly<Record<string, string>> = {
  [DECIMAL]: 'confluent/type/decimal.proto',
  [DATE]: 'google/type/date.proto',
  [TIME_OF_DAY]: 'google/type/timeofday.proto',
  [TIMESTAMP]: 'google/protobuf/timestamp.proto',
  ...Object.fromEntries([...wrappedScalars.keys()].map((name) => [name, 'google/protobuf/wrappers.proto'])),
}

export const META_LOCATION = 'confluent/meta.proto'

const own: readonly (readonly [string, string])[] = [
  ['google/protobuf/wrappers.proto', wrappersProto],
  [
    'google/protobuf/timestamp.proto',
    `${DECLARATION}package google.protobuf;\nmessage Timestamp { int64 seconds = 1; int32 nanos = 2; }\n`,
  ],
  ['google/type/date.proto', `${DECLARATION}package google.type;\nmessage Date { int32 year = 1; int32 month = 2; int32 day = 3; }\n`],
  [
    'google/type/timeofday.proto',
    `${DECLARATION}package google.type;\nmessage TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }\n`,
  ],
  [
    'confluent/type/decimal.proto',
    `${DECLARATION}package confluent.type;\nmessage Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }\n`,
  ],
  [
    META_LOCATION,
    `${DECLARATION}package confluent;\nmessage Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }\n`,
  ],
]

/** The text of a file that protobufjs has as JSON. */
function textOf(name: string): string {
  const root = protobufJs().Root.fromJSON(protobufJs().common.get(name)!)
  const google = root.lookup('google.protobuf')
  const lines: string[] = []
  if (google instanceof protobufJs().Namespace)
    for (const item of google.nestedArray) {
      if (item instanceof protobufJs().Enum)
        lines.push(
          `enum ${item.name} { ${Object.entries(item.values)
            .map(([value, number]) => `${value} = ${number};`)
            .join(' ')} }`,
        )
      if (!(item instanceof protobufJs().Type)) continue
      const inOneofs = new Set(item.oneofsArray.flatMap((oneof) => oneof.oneof))
      const field = (of: protobuf.Field) =>
        `${of instanceof protobufJs().MapField ? `map<${of.keyType}, ${of.type}>` : `${of.repeated ? 'repeated ' : ''}${of.type}`} ${of.name} = ${of.id};`
      const plain = item.fieldsArray.filter((of) => !inOneofs.has(of.name)).map(field)
      const oneofs = item.oneofsArray.map(
        (oneof) => `oneof ${oneof.name} { ${oneof.oneof.map((of) => field(item.fields[of]!)).join(' ')} }`,
      )
      lines.push(`message ${item.name} { ${[...plain, ...oneofs].join(' ')} }`)
    }
  return `${DECLARATION}package google.protobuf;\n${lines.join('\n')}\n`
}

const others = ['any', 'duration', 'empty', 'struct', 'field_mask'].map((name) => `google/protobuf/${name}.proto`)

let files: readonly (readonly [name: string, text: string])[] | undefined

export function knownFiles(): readonly (readonly [name: string, text: string])[] {
  files ??= [...own, ...others.map((name) => [name, textOf(name)] as const)]
  return files
}

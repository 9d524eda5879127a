/**
 * What a .proto file declares, as the registry keeps it: no comments and no places, but every option, reserved range, extension, oneof,
 * group and service, in the order of the text.
 */
export type Label = 'optional' | 'required' | 'repeated'

/** A word, number or boolean of an option, written without quotes. */
export interface OptionWord {
  readonly kind: 'boolean' | 'enum' | 'number'
  readonly word: string
}

/** A string is a quoted text; an option is the rest of a dotted name, such as `.b = 1` of `(a).b = 1`. */
export type OptionValue = string | OptionWord | OptionMap | readonly OptionValue[] | ProtoOption
export type OptionMap = Map<string, OptionValue>

export interface ProtoOption {
  readonly name: string
  /** An extension, whose name stands in parentheses. */
  readonly parenthesized: boolean
  readonly value: OptionValue
}

/** Numbers of fields; `from` and `to` are in it. */
export interface TagRange {
  readonly from: number
  readonly to: number
}

/** Of fields and of extensions: 2^29 - 1. */
export const MAX_TAG = 536_870_911

export interface ProtoField {
  readonly label: Label | null
  readonly type: string
  readonly name: string
  readonly tag: number
  readonly defaultValue: string | null
  readonly jsonName: string | null
  readonly options: readonly ProtoOption[]
}

export interface ProtoGroup {
  readonly label: Label | null
  readonly name: string
  readonly tag: number
  readonly fields: readonly ProtoField[]
}

export interface ProtoOneof {
  readonly name: string
  readonly fields: readonly ProtoField[]
  readonly groups: readonly ProtoGroup[]
  readonly options: readonly ProtoOption[]
}

export interface ProtoExtend {
  readonly name: string
  readonly fields: readonly ProtoField[]
}

export type Reserved = readonly (string | number | TagRange)[]

export interface ProtoExtensions {
  readonly ranges: readonly (number | TagRange)[]
  readonly options: readonly ProtoOption[]
}

export interface ProtoMessage {
  readonly kind: 'message'
  readonly name: string
  readonly options: readonly ProtoOption[]
  readonly reserved: readonly Reserved[]
  readonly fields: readonly ProtoField[]
  readonly oneofs: readonly ProtoOneof[]
  readonly groups: readonly ProtoGroup[]
  readonly extensions: readonly ProtoExtensions[]
  readonly extends: readonly ProtoExtend[]
  readonly types: readonly ProtoType[]
}

export interface ProtoEnumValue {
  readonly name: string
  readonly tag: number
  readonly options: readonly ProtoOption[]
}

export interface ProtoEnum {
  readonly kind: 'enum'
  readonly name: string
  readonly options: readonly ProtoOption[]
  readonly reserved: readonly Reserved[]
  readonly values: readonly ProtoEnumValue[]
}

export type ProtoType = ProtoMessage | ProtoEnum

export interface ProtoMethod {
  readonly name: string
  readonly request: string
  readonly requestStreams: boolean
  readonly response: string
  readonly responseStreams: boolean
  readonly options: readonly ProtoOption[]
}

export interface ProtoService {
  readonly name: string
  readonly methods: readonly ProtoMethod[]
  readonly options: readonly ProtoOption[]
}

export interface ProtoFile {
  readonly syntax: 'proto2' | 'proto3' | null
  readonly packageName: string | null
  readonly imports: readonly string[]
  readonly publicImports: readonly string[]
  readonly weakImports: readonly string[]
  readonly options: readonly ProtoOption[]
  readonly types: readonly ProtoType[]
  readonly extends: readonly ProtoExtend[]
  readonly services: readonly ProtoService[]
}

export const SCALARS: ReadonlySet<string> = new Set(
  'bool bytes double float fixed32 fixed64 int32 int64 sfixed32 sfixed64 sint32 sint64 string uint32 uint64'.split(' '),
)

/** Key and value of `map<key, value>`; null for any other type. */
export function mapTypes(type: string): { key: string; value: string } | null {
  const match = /^map<\s*([^,\s]+)\s*,\s*(\S+)\s*>$/.exec(type)
  return match && { key: match[1]!, value: match[2]! }
}

export const isWord = (value: OptionValue): value is OptionWord => typeof value === 'object' && 'word' in value
export const isOption = (value: OptionValue): value is ProtoOption => typeof value === 'object' && 'parenthesized' in value

export const allFields = (message: ProtoMessage): ProtoField[] => [...message.fields, ...message.oneofs.flatMap((oneof) => oneof.fields)]

/**
 * A JSON schema as Confluent compares it: one node for each kind of constraint, a combined node where a schema has several kinds. The
 * numbers keep their texts; a reference finds its target when it is asked.
 */
import type { Json, JsonNumber } from '../json-text.ts'

export type Criterion = 'allOf' | 'anyOf' | 'oneOf'

export interface StringNode {
  readonly kind: 'string'
  readonly maxLength: number | null
  readonly minLength: number | null
  readonly pattern: string | null
}

export interface NumberNode {
  readonly kind: 'number'
  readonly integer: boolean
  readonly maximum: number | null
  readonly minimum: number | null
  readonly exclusiveMaximum: number | null
  readonly exclusiveMinimum: number | null
  readonly multipleOf: JsonNumber | null
}

/** What a schema allows beside what it names: anything, nothing, or what fits a schema. */
export type Additional = boolean | SchemaNode

export interface ObjectNode {
  readonly kind: 'object'
  readonly properties: ReadonlyMap<string, SchemaNode>
  readonly required: ReadonlySet<string>
  readonly additional: Additional
  readonly unevaluated: SchemaNode | null
  readonly patterns: ReadonlyMap<string, SchemaNode>
  readonly propertyDependencies: ReadonlyMap<string, ReadonlySet<string>>
  readonly schemaDependencies: ReadonlyMap<string, SchemaNode>
  readonly maxProperties: number | null
  readonly minProperties: number | null
}

export interface ArrayNode {
  readonly kind: 'array'
  /** The schema of all items, or null. */
  readonly items: SchemaNode | null
  /** The schemas of the first items. */
  readonly tuple: readonly SchemaNode[]
  readonly additional: Additional
  readonly unevaluated: SchemaNode | null
  readonly maxItems: number | null
  readonly minItems: number | null
  readonly uniqueItems: boolean
  readonly maxContains: number | null
  readonly minContains: number | null
}

export interface CombinedNode {
  readonly kind: 'combined'
  readonly criterion: Criterion
  readonly subschemas: readonly SchemaNode[]
}

export interface ReferenceNode {
  readonly kind: 'reference'
  readonly target: () => SchemaNode
}

export type SchemaNode = (
  | { readonly kind: 'true' | 'false' | 'empty' | 'boolean' | 'null' | 'conditional' }
  | StringNode
  | NumberNode
  | ObjectNode
  | ArrayNode
  | CombinedNode
  | ReferenceNode
  | { readonly kind: 'enum'; readonly values: ReadonlySet<string> }
  | { readonly kind: 'const'; readonly value: string }
  | { readonly kind: 'not'; readonly schema: SchemaNode }
) &
  Common

export interface Common {
  /** The schema has the keyword `default`. */
  readonly hasDefault: boolean
  /** Its `connect.type` is bytes. */
  readonly isConnectBytes: boolean
  /** What it was read from; equal nodes have equal texts. */
  readonly text: () => string
}

export const isEmpty = (node: SchemaNode): boolean => node.kind === 'empty' || node.kind === 'true'

export type Read = (json: Json) => SchemaNode

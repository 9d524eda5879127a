/**
 * The incompatible differences of JSON schemas, by Confluent's names, each with its description.
 * All other differences that Confluent names are compatible, and are not looked for.
 */
import type { SchemaNode } from './schema-node.ts'

type Describe = (path: string) => readonly string[]

const added: Describe = (path) => [`The keyword at path '${path}' in the `, ' schema is not present in the ', ' schema']
const increased: Describe = (path) => [`The value at path '${path}' in the `, ' schema is more than its value in the ', ' schema']
const decreased: Describe = (path) => [`The value at path '${path}' in the `, ' schema is less than its value in the ', ' schema']
const changed: Describe = (path) => [`The value at path '${path}' is different between the `, ' and ', ' schema']
const fewer: Describe = (path) => [`An array or combined type at path '${path}' has fewer elements in the `, ' schema than the ', ' schema']
const more: Describe = (path) => [`An array or combined type at path '${path}' has more elements in the `, ' schema than the ', ' schema']
const otherType: Describe = (path) => [`A type at path '${path}' is different between the `, ' schema and the ', ' schema']
const addedToOpen: Describe = (path) => [
  'The ',
  ` schema has an open content model and has a property or item at path '${path}' which is missing in the `,
  ' schema',
]
const removedFromClosed: Describe = (path) => [
  'The ',
  ` has a closed content model and is missing a property or item present at path '${path}' in the `,
  ' schema',
]
const removedNotCovered: Describe = (path) => [
  'A property or item is missing in the ',
  ` schema but present at path '${path}' in the `,
  ' schema and is not covered by its partially open content model',
]
const addedNotCovered: Describe = (path) => [
  'The ',
  ` schema has a property or item at path '${path}' which is missing in the `,
  ' schema and is not covered by its partially open content model',
]

/** Gaps as in difference-text.ts: first the schema that reads, then the one that wrote. */
export const descriptions = {
  SCHEMA_ADDED: () => [''],
  TYPE_NARROWED: otherType,
  TYPE_CHANGED: otherType,
  MAX_LENGTH_ADDED: added,
  MAX_LENGTH_DECREASED: decreased,
  MIN_LENGTH_ADDED: added,
  MIN_LENGTH_INCREASED: increased,
  PATTERN_ADDED: added,
  PATTERN_CHANGED: changed,
  MAXIMUM_ADDED: added,
  MAXIMUM_DECREASED: decreased,
  MINIMUM_ADDED: added,
  MINIMUM_INCREASED: increased,
  EXCLUSIVE_MAXIMUM_ADDED: added,
  EXCLUSIVE_MAXIMUM_DECREASED: decreased,
  EXCLUSIVE_MINIMUM_ADDED: added,
  EXCLUSIVE_MINIMUM_INCREASED: increased,
  MULTIPLE_OF_ADDED: added,
  MULTIPLE_OF_EXPANDED: increased,
  MULTIPLE_OF_CHANGED: changed,
  REQUIRED_ATTRIBUTE_ADDED: added,
  MAX_PROPERTIES_ADDED: added,
  MAX_PROPERTIES_DECREASED: decreased,
  MIN_PROPERTIES_ADDED: added,
  MIN_PROPERTIES_INCREASED: increased,
  ADDITIONAL_PROPERTIES_REMOVED: added,
  ADDITIONAL_PROPERTIES_NARROWED: fewer,
  UNEVALUATED_PROPERTIES_REMOVED: added,
  UNEVALUATED_PROPERTIES_NARROWED: fewer,
  DEPENDENCY_ARRAY_ADDED: added,
  DEPENDENCY_ARRAY_EXTENDED: more,
  DEPENDENCY_ARRAY_CHANGED: changed,
  DEPENDENCY_SCHEMA_ADDED: added,
  REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL: addedToOpen,
  REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL: addedToOpen,
  OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL: addedToOpen,
  REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL: (path) => [
    'The ',
    ` schema has an unopen content model and has a required property at path '${path}' which is missing in the `,
    ' schema',
  ],
  PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL: removedFromClosed,
  PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: removedNotCovered,
  PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: addedNotCovered,
  MAX_ITEMS_ADDED: added,
  MAX_ITEMS_DECREASED: decreased,
  MIN_ITEMS_ADDED: added,
  MIN_ITEMS_INCREASED: increased,
  MAX_CONTAINS_ADDED: added,
  MAX_CONTAINS_DECREASED: decreased,
  MIN_CONTAINS_ADDED: added,
  MIN_CONTAINS_INCREASED: increased,
  UNIQUE_ITEMS_ADDED: added,
  ADDITIONAL_ITEMS_REMOVED: added,
  ADDITIONAL_ITEMS_NARROWED: fewer,
  UNEVALUATED_ITEMS_REMOVED: added,
  UNEVALUATED_ITEMS_NARROWED: fewer,
  ITEM_ADDED_TO_OPEN_CONTENT_MODEL: addedToOpen,
  ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL: removedFromClosed,
  ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: removedNotCovered,
  ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: addedNotCovered,
  ENUM_ARRAY_NARROWED: fewer,
  ENUM_ARRAY_CHANGED: otherType,
  COMBINED_TYPE_CHANGED: otherType,
  PRODUCT_TYPE_EXTENDED: more,
  SUM_TYPE_NARROWED: fewer,
  COMBINED_TYPE_SUBSCHEMAS_CHANGED: otherType,
  NOT_TYPE_EXTENDED: more,
} satisfies Record<string, Describe>

/** What `compatibilityPolicy=LENIENT` allows. */
export const lenientKinds: ReadonlySet<string> = new Set<DifferenceKind>([
  'ADDITIONAL_PROPERTIES_NARROWED',
  'ADDITIONAL_PROPERTIES_REMOVED',
  'UNEVALUATED_PROPERTIES_NARROWED',
  'UNEVALUATED_PROPERTIES_REMOVED',
  'REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL',
  'OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL',
  'PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL',
  'PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL',
  'PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL',
])

export type DifferenceKind = keyof typeof descriptions

export interface Difference {
  readonly kind: DifferenceKind
  /** From the schemas that are compared. */
  readonly path: readonly string[]
}

/** What collects the differences of one pair. */
export interface Found {
  add(kind: DifferenceKind, ...path: string[]): void
  /** Compares two schemas that stand at this path. */
  compare(original: SchemaNode | null, update: SchemaNode | null, ...path: string[]): boolean
}

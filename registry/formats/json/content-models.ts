/**
 * Compares objects and arrays by their content models: open ones allow what they do not name, closed ones do not, partially open ones
 * allow what fits a schema.
 */
import { RE2JS } from 're2js'
import { javaSetOrder } from '../java-order.ts'
import type { DifferenceKind, Found } from './difference-kinds.ts'
import { type ArrayNode, isEmpty, type ObjectNode, type SchemaNode } from './schema-node.ts'

export function compareObjects(original: ObjectNode, update: ObjectNode, found: Found): void {
  for (const name of javaSetOrder([], original.properties.keys())) {
    const property = update.properties.get(name)
    if (property && !original.required.has(name) && update.required.has(name) && !property.hasDefault)
      found.add('REQUIRED_ATTRIBUTE_ADDED', 'required', name)
  }
  for (const name of javaSetOrder(original.properties.keys(), update.properties.keys())) compareProperty(original, update, name, found)
  compareDependencies(original, update, found)
  compareAdditional(original, update, 'additionalProperties', 'ADDITIONAL_PROPERTIES', found)
  compareUnevaluated(original, update, 'unevaluatedProperties', 'UNEVALUATED_PROPERTIES', found)
  compareLimit(original.maxProperties, update.maxProperties, 'maxProperties', ['MAX_PROPERTIES_ADDED', 'MAX_PROPERTIES_DECREASED'], found)
  compareLimit(
    update.minProperties,
    original.minProperties,
    'minProperties',
    ['MIN_PROPERTIES_ADDED', 'MIN_PROPERTIES_INCREASED'],
    found,
    true,
  )
}

function compareProperty(original: ObjectNode, update: ObjectNode, name: string, found: Found): void {
  const [old, now] = [original.properties.get(name), update.properties.get(name)]
  const path = ['properties', name]
  if (old && now) found.compare(old, now, ...path)
  else if (old) {
    if (isOpen(update)) return
    const partial = partialSchema(update, name)
    if (partial) {
      if (!found.compare(old, partial, ...path)) found.add('PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL', ...path)
    } else if (old.kind !== 'false') found.add('PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL', ...path)
  } else if (now) addedProperty(original, update, now, name, found)
}

function addedProperty(original: ObjectNode, update: ObjectNode, now: SchemaNode, name: string, found: Found): void {
  const path = ['properties', name]
  const required = update.required.has(name)
  if (isOpen(original)) {
    if (isEmpty(now)) return
    if (!required) found.add('OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL', ...path)
    else if (now.hasDefault) found.add('REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL', ...path)
    else found.add('REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL', ...path)
    return
  }
  const partial = partialSchema(original, name)
  if (partial && !found.compare(partial, now, ...path)) found.add('PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL', ...path)
  if (required && !now.hasDefault) found.add('REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL', ...path)
}

function compareDependencies(original: ObjectNode, update: ObjectNode, found: Found): void {
  const [oldNames, nowNames] = [original.propertyDependencies, update.propertyDependencies]
  for (const name of javaSetOrder(oldNames.keys(), nowNames.keys())) {
    const [old, now] = [oldNames.get(name), nowNames.get(name)]
    if (!now) continue
    if (!old) found.add('DEPENDENCY_ARRAY_ADDED', 'dependencies', name)
    else if (!containsAll(old, now))
      found.add(containsAll(now, old) ? 'DEPENDENCY_ARRAY_EXTENDED' : 'DEPENDENCY_ARRAY_CHANGED', 'dependencies', name)
  }
  const [oldSchemas, nowSchemas] = [original.schemaDependencies, update.schemaDependencies]
  for (const name of javaSetOrder(oldSchemas.keys(), nowSchemas.keys())) {
    const [old, now] = [oldSchemas.get(name), nowSchemas.get(name)]
    if (!now) continue
    if (old) found.compare(old, now, 'dependencies', name)
    else found.add('DEPENDENCY_SCHEMA_ADDED', 'dependencies', name)
  }
}

export const containsAll = <T>(all: ReadonlySet<T>, some: ReadonlySet<T>): boolean => [...some].every((item) => all.has(item))

export function compareArrays(original: ArrayNode, update: ArrayNode, found: Found): void {
  found.compare(original.items, update.items, 'items')
  compareTuples(original, update, found)
  compareAdditional(original, update, 'additionalItems', 'ADDITIONAL_ITEMS', found)
  compareUnevaluated(original, update, 'unevaluatedItems', 'UNEVALUATED_ITEMS', found)
  compareLimit(original.maxItems, update.maxItems, 'maxItems', ['MAX_ITEMS_ADDED', 'MAX_ITEMS_DECREASED'], found)
  compareLimit(update.minItems, original.minItems, 'minItems', ['MIN_ITEMS_ADDED', 'MIN_ITEMS_INCREASED'], found, true)
  if (update.uniqueItems && !original.uniqueItems) found.add('UNIQUE_ITEMS_ADDED', 'uniqueItems')
  compareLimit(original.maxContains, update.maxContains, 'maxContains', ['MAX_CONTAINS_ADDED', 'MAX_CONTAINS_DECREASED'], found)
  compareLimit(update.minContains, original.minContains, 'minContains', ['MIN_CONTAINS_ADDED', 'MIN_CONTAINS_INCREASED'], found, true)
}

function compareTuples(original: ArrayNode, update: ArrayNode, found: Found): void {
  const count = Math.max(original.tuple.length, update.tuple.length)
  for (let index = 0; index < count; index++) {
    const path = `items/${index}`
    const [old, now] = [original.tuple[index], update.tuple[index]]
    if (old && now) found.compare(old, now, path)
    else if (old) removedItem(update, old, path, found)
    else if (now) addedItem(original, now, path, found)
  }
}

function removedItem(update: ArrayNode, old: SchemaNode, path: string, found: Found): void {
  if (isOpen(update)) return
  const partial = beside(update)
  if (partial) {
    if (!found.compare(old, partial, path)) found.add('ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL', path)
  } else if (old.kind !== 'false') found.add('ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL', path)
}

function addedItem(original: ArrayNode, now: SchemaNode, path: string, found: Found): void {
  if (isOpen(original)) {
    if (!isEmpty(now)) found.add('ITEM_ADDED_TO_OPEN_CONTENT_MODEL', path)
    return
  }
  const partial = beside(original)
  if (partial && !found.compare(partial, now, path)) found.add('ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL', path)
}

/** Whether it allows anything that it does not name. */
function isOpen(node: ObjectNode | ArrayNode): boolean {
  if (node.additional !== true || (node.kind === 'object' && node.patterns.size > 0)) return false
  return node.unevaluated === null || isEmpty(node.unevaluated)
}

/** The schema of what is not named; null where there is none. */
function beside({ additional, unevaluated }: ObjectNode | ArrayNode): SchemaNode | null {
  if (typeof additional !== 'boolean') return additional
  return additional && unevaluated && unevaluated.kind !== 'false' && !isEmpty(unevaluated) ? unevaluated : null
}

function partialSchema(node: ObjectNode, name: string): SchemaNode | null {
  for (const [pattern, schema] of node.patterns) if (matches(pattern, name)) return schema
  return beside(node)
}

/** In linear time; a pattern that only backtracking can execute matches nothing. */
function matches(pattern: string, name: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(name).find()
  } catch {
    return false
  }
}

type Prefixed<P extends string> = Extract<DifferenceKind, `${P}_${'REMOVED' | 'NARROWED'}`>

function compareAdditional<P extends 'ADDITIONAL_PROPERTIES' | 'ADDITIONAL_ITEMS'>(
  original: ObjectNode | ArrayNode,
  update: ObjectNode | ArrayNode,
  path: string,
  prefix: P,
  found: Found,
): void {
  const [old, now] = [original.additional, update.additional]
  if (now === false) {
    if (old !== false) found.add(`${prefix}_REMOVED` as Prefixed<P>, path)
  } else if (old === true && now !== true) found.add(`${prefix}_NARROWED` as Prefixed<P>, path)
  else if (typeof old !== 'boolean' && typeof now !== 'boolean') found.compare(old, now, path)
}

function compareUnevaluated<P extends 'UNEVALUATED_PROPERTIES' | 'UNEVALUATED_ITEMS'>(
  original: ObjectNode | ArrayNode,
  update: ObjectNode | ArrayNode,
  path: string,
  prefix: P,
  found: Found,
): void {
  const [old, now] = [original.unevaluated, update.unevaluated]
  if (!now) return
  const narrowed = () => found.add(`${prefix}_${now.kind === 'false' ? 'REMOVED' : 'NARROWED'}` as Prefixed<P>, path)
  if (!old) narrowed()
  else if (old.kind === 'false' && now.kind !== 'false') return
  else if (old.kind !== 'false' && now.kind === 'false') narrowed()
  else if (isEmpty(old) && !isEmpty(now)) narrowed()
  else if (isEmpty(old) === isEmpty(now)) found.compare(old, now, path)
}

/** A limit may get wider; for a lower limit the two come in the other order. */
export function compareLimit(
  wide: number | null,
  narrow: number | null,
  path: string,
  [added, narrowed]: readonly [DifferenceKind, DifferenceKind],
  found: Found,
  lower = false,
): void {
  const [original, update] = lower ? [narrow, wide] : [wide, narrow]
  if (update === null) return
  if (original === null) found.add(added, path)
  else if (lower ? update > original : update < original) found.add(narrowed, path)
}

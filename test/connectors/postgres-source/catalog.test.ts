/**
 * Goal: a table of the stream is what it was when its changes were made, where the catalog is ahead of them. Method: the decision itself,
 * with Relation messages and tables of the catalog that differ.
 */
import { expect, test } from 'vitest'
import { mergedTable } from '../../../connectors/postgres-source/catalog.ts'
import type { Relation } from '../../../connectors/postgres-source/pgoutput.ts'
import type { Table } from '../../../connectors/postgres-source/types.ts'

const relation = (replicaIdentity: Relation['replicaIdentity'], columns: Record<string, boolean>): Relation => ({
  oid: 1,
  schema: 'public',
  name: 't',
  replicaIdentity,
  columns: Object.entries(columns).map(([name, isKey]) => ({ name, isKey, typeOid: 23, typeModifier: -1 })),
})

const table = (key: readonly string[], columns: readonly string[]): Table => ({
  oid: 1,
  schema: 'public',
  name: 't',
  key,
  replicaIdentity: 'default',
  columns: columns.map((name, index) => ({
    name,
    typeOid: 23,
    typeModifier: -1,
    isOptional: false,
    defaultExpression: `${index}`,
    isGenerated: false,
    position: index + 1,
  })),
})

test('the key has the order of the index where the catalog still has it', () => {
  expect(mergedTable(relation('default', { a: true, b: true, c: false }), table(['b', 'a'], ['a', 'b', 'c'])).key).toEqual(['b', 'a'])
})

test('a key that was renamed, extended, dropped or made smaller since is the one of the message', () => {
  const old = relation('default', { a: true, b: true, c: false })
  expect(mergedTable(old, table(['a2', 'b'], ['a2', 'b', 'c'])).key).toEqual(['a', 'b'])
  expect(mergedTable(old, table(['b', 'a', 'd'], ['a', 'b', 'c', 'd'])).key).toEqual(['b', 'a'])
  expect(mergedTable(old, table([], ['a', 'b', 'c'])).key).toEqual(['a', 'b'])
  expect(mergedTable(old, table(['a'], ['a', 'b', 'c'])).key).toEqual(['a', 'b'])
})

test('the columns of a table that was dropped are optional but for its key', () => {
  const merged = mergedTable(relation('default', { a: true, b: false }), null)
  expect(merged.key).toEqual(['a'])
  expect(merged.columns.map(({ isOptional }) => isOptional)).toEqual([false, true])
})

test('with REPLICA IDENTITY FULL the message marks all columns, and the catalog has the key', () => {
  const full = relation('full', { a: true, b: true })
  expect(mergedTable(full, table(['a'], ['a', 'b'])).key).toEqual(['a'])
  expect(mergedTable(full, null).key).toEqual([])
  expect(mergedTable(full, null).columns.map(({ isOptional }) => isOptional)).toEqual([true, true])
})

test('the index of a replica identity stands for the key only where the catalog has lost it', () => {
  const index = relation('index', { a: false, b: true })
  expect(mergedTable(index, table(['a'], ['a', 'b'])).key).toEqual(['a'])
  expect(mergedTable(index, table(['a2'], ['a2', 'b'])).key).toEqual(['b'])
})

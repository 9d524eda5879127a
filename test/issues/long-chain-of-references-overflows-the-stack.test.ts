/**
 * Goal: a schema that refers to another, that to the next, and so on thousands of times, is read, and needs no more of the stack. Method: a
 * topic that has such a chain, and a schema at its end.
 */
import { expect, test } from 'vitest'
import { RegistryInMemory } from '../registry/registry-in-memory.ts'

const LENGTH = 6_000

test('a chain of references is as long as the limit allows', () => {
  const registry = new RegistryInMemory()
  const user = (name: string, of: number | null) => ({
    schema: JSON.stringify({ type: 'record', name, fields: of === null ? [] : [{ name: 'f', type: `R${of}` }] }),
    references: of === null ? [] : [{ name: `R${of}`, subject: `s${of}`, version: 1 }],
  })
  for (let number = 1; number <= LENGTH; number++) {
    const value = { subject: `s${number}`, version: 1, id: number, ...user(`R${number}`, number === 1 ? null : number - 1) }
    registry.line(`{"keytype":"SCHEMA","subject":"s${number}","version":1,"magic":1}`, JSON.stringify(value))
  }
  expect(registry.register('last', user('Last', LENGTH)).id).toBe(LENGTH + 1)
})

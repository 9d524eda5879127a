/** Generated Avro schemas for property tests: records, enums, fixed, unions, recursion, aliases, defaults, logical types. */
import fc from 'fast-check'

const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const

type Draft = unknown

/** Few names, so that two schemas often share them. */
const typeName = fc.constantFrom('A', 'B', 'C', 'ns.A', 'ns.B', 'other.A')
const fieldName = fc.constantFrom('a', 'b', 'c', 'd')
const symbol = fc.constantFrom('X', 'Y', 'Z')

const defaults: Record<string, readonly unknown[]> = {
  null: [null],
  boolean: [true],
  int: [0, -5],
  long: [12345678901],
  float: [1.5, 1],
  double: [0.1, 1e300, 2],
  bytes: ['\u00ff'],
  string: ['', 'text "quoted" \u0001'],
}

const logical: Draft[] = [
  { type: 'int', logicalType: 'date' },
  { type: 'bytes', logicalType: 'decimal', scale: 2, precision: 9 },
  { type: 'string', logicalType: 'uuid', 'x.y': { b: 1, a: [1.0, null] } },
  { type: 'long', logicalType: 'no-such-type' },
]

/** Names are used at most once in a schema: the second time a type of that name comes, its name stands for it. */
export const avroSchema: fc.Arbitrary<Draft> = fc
  .tuple(fc.infiniteStream(fc.nat(1_000_000)), fc.infiniteStream(typeName), fc.infiniteStream(fieldName), fc.infiniteStream(symbol))
  .map(([numbers, types, fields, symbols]) => {
    const next = (below: number) => (numbers.next().value as number) % below
    const defined = new Set<string>()
    const build = (depth: number, inUnion: boolean): Draft => {
      const kind = next(depth > 3 ? 9 : 15)
      if (kind < 7) return primitives[next(primitives.length)]
      if (kind === 7) return logical[next(logical.length)]
      if (kind === 8 || kind === 9) return named(depth, next(2) === 0 ? 'enum' : 'fixed')
      if (kind === 10) return { type: 'array', items: build(depth + 1, false), ...(next(3) === 0 && { note: 'kept' }) }
      if (kind === 11) return { type: 'map', values: build(depth + 1, false) }
      if (kind < 14 || inUnion) return named(depth, 'record')
      return union(depth)
    }
    const union = (depth: number): Draft => {
      const branches = new Map<string, Draft>()
      for (let count = next(4); count >= 0; count--) {
        const branch = build(depth + 1, true) as { type?: string; name?: string } | string
        const key = typeof branch === 'string' ? branch : (branch.name ?? branch.type!)
        branches.set(key, branches.get(key) ?? branch)
      }
      return [...branches.values()]
    }
    const named = (depth: number, type: string): Draft => {
      const name = types.next().value as string
      if (defined.has(name)) return name
      defined.add(name)
      const extra = { ...(next(4) === 0 && { doc: 'Döc' }), ...(next(4) === 0 && { aliases: [types.next().value, 'Old'] }) }
      if (type === 'fixed') return { type, name, size: next(3) + 1, ...extra }
      if (type === 'enum') {
        const chosen = [...new Set([symbols.next().value, symbols.next().value])]
        return { type, name, symbols: chosen, ...(next(3) === 0 && { default: chosen[0] }), ...extra }
      }
      const own = new Map<string, Draft>()
      for (let count = next(4); count > 0; count--) {
        const name = fields.next().value as string
        if (!own.has(name)) own.set(name, field(name, depth))
      }
      return { type, name, fields: [...own.values()], ...extra }
    }
    const field = (name: string, depth: number): Draft => {
      const schema = build(depth + 1, false)
      const known = typeof schema === 'string' ? defaults[schema] : undefined
      return {
        name,
        type: schema,
        ...(known && next(2) === 0 && { default: known[next(known.length)] }),
        ...(next(6) === 0 && { aliases: [fields.next().value] }),
        ...(next(6) === 0 && { order: 'descending' }),
        ...(next(6) === 0 && { doc: 'field' }),
      }
    }
    return build(0, false)
  })

/** Two schemas; often the second is the first with one thing changed. */
export const schemaPair = fc.tuple(avroSchema, avroSchema, fc.boolean(), fc.nat()).map(([a, b, related, seed]) => {
  if (!related) return [a, b] as const
  return [a, changed(a, seed)] as const
})

function changed(schema: Draft, seed: number): Draft {
  const text = JSON.stringify(schema)
  const edits: [RegExp, string][] = [
    [/"int"/, '"long"'],
    [/"string"/, '"bytes"'],
    [/"name":"a"/, '"name":"e"'],
    [/"symbols":\[/, '"symbols":["W",'],
    [/"size":1/, '"size":4'],
    [/,"default":[^,}]*/, ''],
    [/"long"/, '["null","long"]'],
    [/"name":"ns.A"/, '"name":"ns.D"'],
  ]
  const [from, to] = edits[seed % edits.length]!
  return JSON.parse(text.replace(from, to))
}

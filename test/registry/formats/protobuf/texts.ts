/**
 * Generated .proto texts with all kinds of declarations, and the same with damage. An option is never a list at its top, and a dotted type
 * has no spaces: Wire reads these, but its own writer fails for the first, and its older releases refuse the second.
 */
import fc from 'fast-check'

const name = fc.constantFrom('a', 'b_c', 'Name', 'option1', 'x9')
const type = fc.constantFrom('int32', 'string', 'bytes', 'bool', 'M', '.p.M', 'map<string, int32>', 'map < int32 , .p.M >')
const optionValue = fc.constantFrom(
  '1',
  '-2.5',
  '"text"',
  '\'a\' "b\\n\\x41"',
  'true',
  'ENUM',
  '{ a: 1, b: [1, 2] c { d: "x" } }',

  '{}',
  '0x1F',
)
const optionName = fc.constantFrom('deprecated', '(o)', '(p.o).a', '(o).a.b', 'features.x', 'packed')
const option = fc.tuple(optionName, optionValue).map(([key, value]) => `${key} = ${value}`)
const options = fc.array(option, { maxLength: 3 }).map((all) => (all.length === 0 ? '' : ` [${all.join(', ')}]`))
const tag = fc.integer({ min: 1, max: 99 })
const range = fc.constantFrom('1', '2 to 5', '100 to max', '7, 9 to 10')
const comment = fc.constantFrom('', ' ', '\n')

const isMap = (text: string) => text.startsWith('map')
const field = (label: string) =>
  fc.tuple(type, name, tag, options).map(([of, called, number, more]) => `${isMap(of) ? '' : label}${of} ${called} = ${number}${more};`)
const plainField = fc
  .tuple(
    type.filter((of) => !isMap(of)),
    name,
    tag,
  )
  .map(([of, called, number]) => `${of} ${called} = ${number};`)

const member = (label: string) =>
  fc.oneof(
    { weight: 5, arbitrary: field(label) },
    { weight: 1, arbitrary: field('repeated ') },
    { weight: 1, arbitrary: fc.array(plainField, { minLength: 1, maxLength: 3 }).map((fields) => `oneof choice { ${fields.join(' ')} }`) },
    { weight: 1, arbitrary: range.map((values) => `reserved ${values};`) },
    { weight: 1, arbitrary: fc.constant('reserved "a", \'b\';') },
    { weight: 1, arbitrary: range.map((values) => `extensions ${values};`) },
    { weight: 1, arbitrary: option.map((text) => `option ${text};`) },
    { weight: 1, arbitrary: fc.tuple(name, options).map(([called, more]) => `enum E_${called} { A = 0${more}; B = -1; }`) },
    { weight: 1, arbitrary: field('optional ').map((text) => `extend .p.M { ${text} }`) },
    { weight: 1, arbitrary: fc.constant(';') },
  )

/** Types of one scope with one name each. */
const distinct = (texts: readonly string[]): string[] => {
  const seen = new Set<string>()
  return texts.filter((text) => {
    const key = /^(?:message|enum|service) (\w+)/.exec(text)?.[1]
    if (key === undefined) return true
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

const message = (label: string, called: string) =>
  fc
    .array(
      fc.oneof(
        member(label),
        fc.array(member(label), { maxLength: 3 }).map((members) => `message N { ${distinct(members).join(' ')} }`),
      ),
      { maxLength: 6 },
    )
    .map((members) => `message ${called} { ${distinct(members).join('\n')} }`)

const service = fc.tuple(name, fc.boolean(), option).map(([called, streams, text]) => {
  const stream = streams ? 'stream ' : ''
  return `service S_${called} { option ${text}; rpc R (M) returns (${stream}.p.M) { option ${text}; } rpc T(${stream}M) returns (p.M); }`
})

export const protoText = fc.constantFrom('proto2', 'proto3').chain((syntax) => {
  const label = syntax === 'proto2' ? 'optional ' : ''
  const declaration = fc.oneof(
    message(label, 'M'),
    message(label, 'O'),
    service,
    option.map((text) => `option ${text};`),
    fc.constant('import public "x.proto";'),
  )
  return fc
    .tuple(fc.array(declaration, { maxLength: 5 }), comment)
    .map(([all, space]) => `syntax = "${syntax}";${space}package p;\nimport "y.proto";\n${distinct(all).join('\n')}`)
})

const marks = fc.constantFrom('', '', '{', '}', ';', '=', '"', '1', 'option', '<', ',', '.', '[', ']', '(', 'to', 'optional ')

export const damagedProto = fc
  .tuple(protoText, fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(6), marks), { minLength: 1, maxLength: 2 }))
  .map(([text, edits]) =>
    edits.reduce((damage, [where, length, mark]) => {
      const at = Math.floor(where * damage.length)
      return damage.slice(0, at) + mark + damage.slice(at + length)
    }, text),
  )

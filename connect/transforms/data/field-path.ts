/**
 * Where a field is, with the syntax that `field.syntax.version` names: V1 is a name at the root, V2 names of nested fields with dots
 * between them, where backticks enclose a name that has dots itself.
 */
import { DataError, InvalidSetting, type Schema, type SchemaField, setting } from '../../sdk/index.ts'
import { type Fields, fieldOfMap, requireMap, requireStruct } from './requirements.ts'
import { ConfigError } from './settings.ts'
import { fieldReader, type ReadField } from './structs.ts'

const PURPOSE = 'nested field access'

export const fieldSyntaxVersion = {
  'field.syntax.version': setting.string({
    default: 'V1',
    doc:
      'The syntax of names of fields. V1: a field at the root of the struct or map. V2: nested fields too, with dots between the names; ' +
      'backticks enclose a name that contains dots, so `foo.bar`.baz is the field baz of the field foo.bar.',
    importance: 'HIGH',
    check: (version) =>
      /^v[12]$/i.test(version)
        ? undefined
        : InvalidSetting.saying(
            'field.syntax.version',
            `Invalid value ${version} for configuration field.syntax.version: String must be one of (case insensitive): V1, V2`,
          ),
  }),
}

const incomplete = (path: string, at: number) =>
  new ConfigError(`Incomplete backtick pair in path: [${path}], consider adding a backslash before backtick at position ${at} to escape it`)

/** The name in backticks that starts at `from`, and where what follows its dot starts. */
function quotedStep(path: string, from: number): { name: string; next: number } {
  let name = ''
  let start = from + 1
  let at = start
  for (;;) {
    at = path.indexOf('`', at)
    if (at < 0) throw incomplete(path, from)
    const escaped = path[at - 1] === '\\'
    const last = at === path.length - 1
    if (last && escaped) throw incomplete(path, from)
    if (last) return { name: name + path.slice(start, at), next: at + 1 }
    if (path[at + 1] !== '.') {
      // A backtick within the name, which only one before a dot ends.
      at++
    } else if (escaped) {
      name += `${path.slice(start, at - 1)}\``
      start = ++at
    } else {
      return { name: name + path.slice(start, at), next: at + 2 }
    }
  }
}

function stepsOfV2(path: string): string[] {
  const steps: string[] = []
  let at = 0
  while (at < path.length) {
    if (path[at] === '`') {
      const { name, next } = quotedStep(path, at)
      steps.push(name)
      at = next
    } else {
      const dot = path.indexOf('.', at)
      const end = dot < 0 ? path.length : dot
      steps.push(path.slice(at, end))
      at = end + 1
    }
  }
  if (path.endsWith('.')) steps.push('')
  return steps
}

export class FieldPath {
  readonly steps: readonly string[]

  constructor(path: string, version: string) {
    this.steps = version.toUpperCase() === 'V2' ? stepsOfV2(path) : [path]
  }

  /** The field of structs of this schema; undefined where there is none. */
  fieldOf(schema: Schema): SchemaField | undefined {
    return this.#fieldsOf(schema)?.at(-1)
  }

  /** Reads the field of structs of this schema, which has it; null where a struct on the way is null. */
  reader(schema: Schema, replaceNullWithDefault: boolean): ReadField {
    const fields = this.#fieldsOf(schema) ?? []
    const outer = fields.slice(0, -1).map((field) => ({ schema: field.schema, read: fieldReader(field, true) }))
    const readLast = fieldReader(fields.at(-1)!, replaceNullWithDefault)
    if (outer.length === 0) return readLast
    return (struct) => {
      let current = struct
      for (const { schema: of, read } of outer) {
        const value = read(current)
        if (value === null) return null
        current = requireStruct(of, value, PURPOSE)
      }
      return readLast(current)
    }
  }

  /** The value in a map; null where there is none. */
  valueIn(map: Fields): unknown {
    let current = map
    for (const step of this.steps.slice(0, -1)) {
      const value = fieldOfMap(current, step)
      if (value === null) return null
      current = requireMap(value, PURPOSE)
    }
    return fieldOfMap(current, this.steps.at(-1) ?? '')
  }

  #fieldsOf(schema: Schema): SchemaField[] | undefined {
    const fields: SchemaField[] = []
    let current = schema
    for (const step of this.steps) {
      if (current.type !== 'struct') throw new DataError('Cannot look up fields on non-struct type')
      const field = current.fields!.find(({ name }) => name === step)
      if (!field) return undefined
      fields.push(field)
      current = field.schema
    }
    return fields
  }
}

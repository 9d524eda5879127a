/**
 * Drops the fields that a header lists from the value, and from the key where that is wanted. It works as ReplaceField with `exclude`,
 * which replaces null values of the others by their defaults.
 */
import { type ConnectRecord, DataError, type Schema, type Transform } from '../../sdk/index.ts'
import replaceField from '../replace-field.ts'
import { DerivedValues } from './derived-values.ts'

/** Different lists of fields whose transforms are kept. */
const MAX_LISTS = 64

interface DropSettings {
  'drop.fields.header.name': string | null
  'drop.fields.from.key': boolean
  'drop.fields.keep.schema.compatible': boolean
}

const [ofKeys, ofValues] = replaceField

export class FieldDropper {
  readonly #header: string
  readonly #fromKey: boolean
  readonly #keepsSchema: boolean
  readonly #known = new DerivedValues<string, Transform>(MAX_LISTS)

  /** Undefined where no header is named. */
  static of(config: DropSettings): FieldDropper | undefined {
    const header = config['drop.fields.header.name']
    if (header === null || header.trim() === '') return undefined
    return new FieldDropper(header, config['drop.fields.from.key'], config['drop.fields.keep.schema.compatible'])
  }

  private constructor(header: string, fromKey: boolean, keepsSchema: boolean) {
    this.#header = header
    this.#fromKey = fromKey
    this.#keepsSchema = keepsSchema
  }

  apply<R extends ConnectRecord>(record: R): R {
    const names = record.headers.find(({ key }) => key === this.#header)?.value ?? null
    if (names === null) return record
    if (!Array.isArray(names)) throw new DataError(`the header ${this.#header} must be a list of names of fields: write an array to it`)
    if (names.length === 0) return record
    const withKey = this.#fromKey && record.key !== null ? this.#drop('key', record, record.keySchema, names) : record
    return withKey.value === null ? withKey : this.#drop('value', withKey, withKey.valueSchema, names)
  }

  #drop<R extends ConnectRecord>(side: 'key' | 'value', record: R, schema: Schema | null, names: readonly string[]): R {
    const dropped = this.#droppable(side, schema, names)
    if (dropped.length === 0) return record
    const list = JSON.stringify([side, ...dropped])
    const apply = this.#known.get(list, () => {
      const config = { exclude: dropped, include: [], renames: [], 'replace.null.with.default': true }
      return (side === 'key' ? ofKeys : ofValues).create(config)
    })
    return apply(record) ?? record
  }

  #droppable(side: 'key' | 'value', schema: Schema | null, names: readonly string[]): string[] {
    if (!this.#keepsSchema) return names.filter((name) => name !== '')
    if (schema === null)
      throw new DataError(`the ${side} has no schema that says which fields are optional: set drop.fields.keep.schema.compatible to false`)
    if (schema.type !== 'struct') throw new DataError('Cannot list fields on non-struct type')
    return schema.fields!.filter((field) => field.schema.optional && names.includes(field.name)).map(({ name }) => name)
  }
}

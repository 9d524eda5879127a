/**
 * The drafts of JSON Schema: which one a schema is of, whether it is well-formed by the meta schema, and the meta schemas themselves.
 * Formats and patterns are not executed.
 */
import { default as Ajv, type AnySchemaObject, type Options } from 'ajv'
import Ajv2019 from 'ajv/dist/2019.js'
import Ajv2020 from 'ajv/dist/2020.js'
import draft06 from 'ajv/dist/refs/json-schema-draft-06.json' with { type: 'json' }
import AjvDraft04 from 'ajv-draft-04'
import { type Json, type JsonObject, readJson } from '../json-text.ts'
import { InvalidSchemaError } from '../parsed-schema.ts'

export type Draft = 'draft-04' | 'draft-06' | 'draft-07' | '2019-09' | '2020-12'

const ADDRESS = /^https?:\/\/json-schema\.org\/(?:draft\/)?(draft-0[467]|2019-09|2020-12)\/schema#?$/

/** A schema that does not say is of draft 7. */
export function draftOf(json: JsonObject): Draft {
  const given = json.get('$schema')
  const draft = typeof given === 'string' ? ADDRESS.exec(given)?.[1] : undefined
  return (draft as Draft | undefined) ?? 'draft-07'
}

const options: Options = { strict: false, validateFormats: false, meta: true, logger: false, addUsedSchema: true }

interface Validator {
  validateSchema(schema: AnySchemaObject): unknown
  compile(schema: AnySchemaObject): (schema: unknown) => boolean
  validate(address: string, schema: unknown): boolean
  errorsText(): string
  getSchema(address: string): { schema: unknown } | undefined
}

// The package of ajv is CommonJS; its class is also the default of what it exports.
type Constructor = new (given: Options) => Validator
const classOf = (loaded: unknown): Constructor => ((loaded as { default?: Constructor }).default ?? loaded) as Constructor

const validators = new Map<Draft, Validator>()

/** Compiled when the first schema of a draft comes. */
function validatorOf(draft: Draft): Validator {
  const known = validators.get(draft)
  if (known) return known
  const made = makeValidator(draft)
  validators.set(draft, made)
  return made
}

const isModern = (draft: Draft): boolean => draft === '2019-09' || draft === '2020-12'

/** The meta schema of drafts 4 to 7 without its limits for lists: Confluent allows an empty `required` or `items`. */
const LENIENT = 'tributary:meta-schema'

function lenient(draft: Draft, meta: unknown): AnySchemaObject {
  const own = withoutListLimits(meta) as AnySchemaObject
  delete own.$schema
  delete own.$id
  delete own.id
  return { ...own, [draft === 'draft-04' ? 'id' : '$id']: LENIENT }
}

function withoutListLimits(meta: unknown): unknown {
  if (Array.isArray(meta)) return meta.map(withoutListLimits)
  if (typeof meta !== 'object' || meta === null) return meta
  // As names of properties they have a schema, not a limit.
  const limits = Object.entries(meta).filter(([key, value]) => (key !== 'minItems' && key !== 'uniqueItems') || typeof value === 'object')
  return Object.fromEntries(limits.map(([key, value]) => [key, withoutListLimits(value)]))
}

function makeValidator(draft: Draft): Validator {
  const validator = emptyValidator(draft)
  if (!isModern(draft)) validator.compile(lenient(draft, validator.getSchema(metaAddress(draft))!.schema))
  return validator
}

function emptyValidator(draft: Draft): Validator {
  if (draft === 'draft-04') return new (classOf(AjvDraft04))(options)
  if (draft === '2019-09') return new (classOf(Ajv2019))(options)
  if (draft === '2020-12') return new (classOf(Ajv2020))(options)
  if (draft === 'draft-07') return new (classOf(Ajv))(options)
  const validator = new (classOf(Ajv))({ ...options, meta: false }) as Validator & { addMetaSchema(schema: object): void; opts: Options }
  validator.addMetaSchema(draft06)
  validator.opts.defaultMeta = draft06.$id
  return validator
}

/** Throws where the meta schema of its draft does not allow the schema. */
export function validateByMetaSchema(text: string, draft: Draft): void {
  const validator = validatorOf(draft)
  const schema = JSON.parse(text) as AnySchemaObject
  // A name of a meta schema that ajv does not know is no error: the draft stands for it.
  delete schema.$schema
  if (isModern(draft)) schema.$schema = metaAddress(draft)
  const valid = isModern(draft) ? validator.validateSchema(schema) : validator.validate(LENIENT, schema)
  if (!valid) throw new InvalidSchemaError(`Invalid JSON schema: ${validator.errorsText()}`)
}

const metaAddress = (draft: Draft): string =>
  draft.startsWith('draft-') ? `http://json-schema.org/${draft}/schema` : `https://json-schema.org/draft/${draft}/schema`

const metaSchemas = new Map<string, Json>()

/** A meta schema by its address, also by those of its vocabularies; null for any other address. */
export function metaSchema(address: string): Json | null {
  const match = /^https?:\/\/json-schema\.org\/(?:draft\/)?(draft-0[467]|2019-09|2020-12)\/(schema|meta\/[\w-]+)$/.exec(address)
  if (!match) return null
  const known = metaSchemas.get(address)
  if (known !== undefined) return known
  const draft = match[1] as Draft
  const own = match[2] === 'schema' ? metaAddress(draft) : `https://json-schema.org/draft/${draft}/${match[2]}`
  const found = validatorOf(draft).getSchema(own)
  if (!found) return null
  const json = readJson(JSON.stringify(found.schema))
  metaSchemas.set(address, json)
  return json
}

/**
 * What registering does where records are only tried: a schema that the registry has gets its id, and another one an id that no registry
 * gives, if it could be registered. Nothing is written. The new schemas are kept in memory, a bounded number of them.
 */
import { DataError } from '../sdk/index.ts'
import { BoundedCache } from './bounded-cache.ts'
import { type RegisteredSchema, type RegistryClient, RestClientError, type SchemaFormat, type SchemaText } from './registry-client.ts'

/** The registry has answered that it does not have the subject or the schema; a 404 of anything else has no code of its own. */
const isUnknown = (error: unknown): boolean => error instanceof RestClientError && error.isNotFound && error.code !== error.status

export class RehearsedSchemas {
  readonly #client: RegistryClient
  readonly #schemas: BoundedCache<number | string, RegisteredSchema>
  #count = 0

  constructor(client: RegistryClient, maxSchemas: number) {
    this.#client = client
    this.#schemas = new BoundedCache(2 * maxSchemas)
  }

  /** The schema of an id or a GUID that `register` has made up. */
  schemaOf(id: number | string): RegisteredSchema | undefined {
    return this.#schemas.get(id)
  }

  async register(subject: string, schema: SchemaText, format: SchemaFormat, normalize: boolean): Promise<RegisteredSchema> {
    try {
      return await this.#client.lookUp(subject, schema, format, normalize)
    } catch (error) {
      if (!isUnknown(error)) throw error
    }
    const reasons = await this.#client.incompatibilities(subject, schema, format, normalize)
    if (reasons.length > 0)
      throw new DataError(`the schema is incompatible with an earlier one of subject ${subject}: ${reasons.join(', ')}`)
    this.#count++
    const id = -this.#count
    const guid = `ffffffff-ffff-ffff-ffff-${this.#count.toString(16).padStart(12, '0')}`
    const made: RegisteredSchema = { schema: schema.schema, references: schema.references, format, id, guid, version: null, ruleSet: null }
    this.#schemas.set(guid, made)
    return this.#schemas.set(id, made)
  }
}

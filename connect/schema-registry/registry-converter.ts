/**
 * What Confluent's converters share: the schema of a record is registered or found once, then records are written and read without
 * waiting, by what its format has compiled. A schema that is not there yet is SchemaPending. All caches are bounded.
 */
import type { System } from '../../core/system/index.ts'
import {
  type ConvertedHeader,
  type Converter,
  type ConverterContext,
  DataError,
  Retriable,
  type Schema,
  type SchemaAndValue,
  SchemaPending,
} from '../sdk/index.ts'
import { LoadingCache } from './bounded-cache.ts'
import { type RegisteredSchema, RegistryClient, RestClientError, type SchemaFormat, type SchemaText } from './registry-client.ts'
import type { DataConfig, RegistryConfig } from './registry-settings.ts'
import { RehearsedSchemas } from './rehearsed-schemas.ts'
import { type RuleSettings, refuseRules } from './schema-rules.ts'
import { SubjectNames } from './subject-names.ts'
import { guidBytes, guidIn, idDeserializers, idHeader, idIn, idPrefix, idSerializers, PREFIX_BYTES } from './wire-format.ts'

/** A schema of the registry with all that it refers to, what is referred to before what refers to it. */
export interface ResolvedSchema extends RegisteredSchema {
  readonly referenced: readonly { readonly name: string; readonly schema: string }[]
}

/** A schema of Connect as the registry gets it. */
export interface DescribedSchema extends SchemaText {
  /** Of a record: what the strategies by name use. */
  readonly recordName: string | null
}

export interface CompiledWriter {
  /** The indexes of the message, in Protobuf; else empty. */
  readonly indexes: Buffer
  /** `prefix` and the data of the value. */
  write(prefix: Buffer, value: unknown): Buffer
}

/** `indexes` are those of a header; null where they are in the bytes at `offset`. */
export type CompiledReader = (bytes: Buffer, offset: number, indexes: Buffer | null) => SchemaAndValue

/** One format of schemas. What it throws is a DataError, or becomes one. */
export interface SchemaCodec {
  readonly format: SchemaFormat
  /** As errors name it. */
  readonly label: string
  /** Whether a value is written as a record without a value. */
  isNothing(schema: Schema | null, value: unknown): boolean
  describe(schema: Schema | null): DescribedSchema
  /** Writes values of `schema` with its own description, or with another schema of the registry. */
  writer(schema: Schema | null, target: ResolvedSchema | null, strict: boolean): CompiledWriter
  recordName(schema: ResolvedSchema): string | null
  /** `latest` is the schema that values are to have, where it is not the one that they were written with. */
  reader(schema: ResolvedSchema, version: number | null, latest: ResolvedSchema | null): CompiledReader
}

/** How many schemas one may refer to, in all. */
const MAX_REFERENCES = 1_000
/** A record that waits for a schema must find it. */
const MIN_TTL_MS = 1_000
const MAX_ID = 2 ** 31 - 1
const NULL_VALUE: SchemaAndValue = { schema: null, value: null }
const NO_BYTES = Buffer.alloc(0)

interface Frame {
  readonly prefix: Buffer
  readonly header: Buffer | null
  readonly writer: CompiledWriter
}

/** What is known about a schema of Connect. */
interface Prepared {
  readonly described: DescribedSchema
  readonly frames: WeakMap<RegisteredSchema, Frame>
  topic: string | null
  frame: Frame | null
}

export class RegistryConverter implements Converter {
  readonly addsHeaders: boolean
  readonly #readsHeaders: boolean
  readonly usesSchemaIds = true
  readonly #codec: SchemaCodec
  readonly #config: RegistryConfig
  readonly #isKey: boolean
  readonly #client: RegistryClient
  readonly #subjects: SubjectNames
  readonly #rules: RuleSettings
  readonly #ids: LoadingCache<RegisteredSchema>
  readonly #latest: LoadingCache<ResolvedSchema>
  readonly #readers: LoadingCache<CompiledReader>
  /** Null where schemas are registered. */
  readonly #rehearsal: RehearsedSchemas | null
  readonly #prepared = new WeakMap<Schema, Prepared>()
  #schemaless: Prepared | null = null
  /** Whether a frame may change under the same schema of Connect. */
  readonly #expires: boolean
  /** Whether records are read with the latest schema, and it may change. */
  readonly #readsExpire: boolean
  #lastTopic = ''
  #lastId = -1
  #lastReader: CompiledReader | null = null

  /** Throws InvalidSetting. */
  constructor(codec: SchemaCodec, config: RegistryConfig & DataConfig, isKey: boolean, context: ConverterContext) {
    const { system, raw, isRehearsal = false } = context
    this.#codec = codec
    this.#config = config
    this.#isKey = isKey
    this.#client = new RegistryClient(config, raw, system)
    this.#rehearsal = isRehearsal ? new RehearsedSchemas(this.#client, config['max.schemas.per.subject']) : null
    const what = isKey ? 'key' : 'value'
    this.#rules = { environment: config['execution.environment'], raw }
    this.#readsHeaders = config[`${what}.schema.id.deserializer`] === idDeserializers.dual
    this.addsHeaders = config[`${what}.schema.id.serializer`] === idSerializers.header
    const now = () => (system as System).clock.monotonic()
    const ttlSeconds = config['latest.cache.ttl.sec']
    this.#expires = ttlSeconds >= 0
    const ttlMs = ttlSeconds < 0 ? null : Math.max(ttlSeconds * 1000, MIN_TTL_MS)
    this.#subjects = new SubjectNames(this.#client, config, isKey, now)
    const readerTtls = this.#readsLatest ? [ttlMs, this.#subjects.expiryMs].filter((ms) => ms !== null) : []
    this.#readsExpire = readerTtls.length > 0
    this.#ids = new LoadingCache(config['max.schemas.per.subject'], null, now)
    this.#readers = new LoadingCache(config['schemas.cache.config'], this.#readsExpire ? Math.min(...readerTtls) : null, now)
    this.#latest = new LoadingCache(config['latest.cache.size'], ttlMs, now)
  }

  fromConnect(topic: string, schema: Schema | null, value: unknown, headers?: ConvertedHeader[]): Buffer | null {
    try {
      if (this.#codec.isNothing(schema, value)) return null
      const prepared = (schema ? this.#prepared.get(schema) : this.#schemaless) ?? this.#prepare(schema)
      const frame = prepared.topic === topic ? prepared.frame! : this.#frame(prepared, topic, schema)
      if (frame.header) headers!.push({ key: idHeader(this.#isKey), value: frame.header })
      return frame.writer.write(frame.prefix, value)
    } catch (error) {
      throw this.#failure(error, `Failed to serialize ${this.#codec.label} data from topic ${topic}: `)
    }
  }

  toConnect(topic: string, bytes: Buffer | null, headers?: readonly ConvertedHeader[]): SchemaAndValue {
    if (bytes === null) return NULL_VALUE
    try {
      const guid = this.#readsHeaders ? guidIn(headers, this.#isKey) : undefined
      if (guid) return this.#reader(topic, guid.guid!)(bytes, guid.offset, guid.indexes)
      const id = idIn(bytes)
      if (id !== this.#lastId || topic !== this.#lastTopic || this.#readsExpire) {
        this.#lastReader = this.#reader(topic, id)
        this.#lastId = id
        this.#lastTopic = topic
      }
      return this.#lastReader!(bytes, PREFIX_BYTES, null)
    } catch (error) {
      throw this.#failure(error, `Failed to deserialize data for topic ${topic} to ${this.#codec.label}: `)
    }
  }

  #prepare(schema: Schema | null): Prepared {
    const prepared: Prepared = { described: this.#codec.describe(schema), frames: new WeakMap(), topic: null, frame: null }
    if (schema) this.#prepared.set(schema, prepared)
    else this.#schemaless = prepared
    return prepared
  }

  #frame(prepared: Prepared, topic: string, schema: Schema | null): Frame {
    const subject = this.#subjects.of(topic, prepared.described.recordName)
    const isOwn = this.#isOwnSchema
    const target = isOwn ? this.#ownId(topic, subject, prepared.described) : this.#fixedSchema(topic, subject)
    let frame = prepared.frames.get(target)
    if (!frame) {
      refuseRules(target.ruleSet, 'WRITE', subject, this.#rules)
      const { 'use.schema.id': id, 'use.schema.guid': guid, 'id.compatibility.strict': ofId } = this.#config
      const strict = id >= 0 || guid !== null ? ofId : this.#config['latest.compatibility.strict']
      frame = this.#newFrame(target, this.#codec.writer(schema, isOwn ? null : (target as ResolvedSchema), strict))
      prepared.frames.set(target, frame)
    }
    if ((isOwn || !this.#expires) && this.#subjects.expiryMs === null) {
      prepared.topic = topic
      prepared.frame = frame
    }
    return frame
  }

  #newFrame({ id, guid }: RegisteredSchema, writer: CompiledWriter): Frame {
    if (!this.addsHeaders) {
      if (id === null || id > MAX_ID || (id < 0 && !this.#rehearsal))
        throw new DataError('the schema registry responded without a valid id of the schema')
      return { prefix: idPrefix(id, writer.indexes), header: null, writer }
    }
    if (guid === null)
      throw new DataError('the schema registry responded without a GUID: use PrefixSchemaIdSerializer, or a registry that has GUIDs')
    return { prefix: NO_BYTES, header: guidBytes(guid, writer.indexes), writer }
  }

  /** Whether records are written with the schema that they come with. */
  get #isOwnSchema(): boolean {
    const config = this.#config
    return config['auto.register.schemas'] || (config['use.schema.id'] < 0 && config['use.schema.guid'] === null && !this.#readsLatest)
  }

  /** Whether records that are read get the schema that is the latest one. */
  get #readsLatest(): boolean {
    return this.#config['use.latest.version'] || this.#config['use.latest.with.metadata'] !== null
  }

  #ownId(topic: string, subject: string, described: DescribedSchema): RegisteredSchema {
    const { label, format } = this.#codec
    const normalize = this.#config['normalize.schemas']
    const registers = this.#config['auto.register.schemas']
    return this.#ids.get(`${subject}\n${described.schema}`, `a schema of ${subject}`, () => {
      const found = registers
        ? (this.#rehearsal ?? this.#client).register(subject, described, format, normalize)
        : this.#client.lookUp(subject, described, format, normalize)
      const doing = registers ? 'Error registering' : 'Error retrieving'
      const failure = `Failed to serialize ${label} data from topic ${topic}: ${doing} ${label} schema of ${subject}: `
      return this.#orFailure(found, failure, registers ? '' : 'register the schema of the records first, or set auto.register.schemas=true')
    })
  }

  #fixedSchema(topic: string, subject: string): ResolvedSchema {
    const { 'use.schema.id': id, 'use.schema.guid': guid } = this.#config
    return this.#latest.get(subject, `the schema of ${subject}`, () => {
      const found = id >= 0 ? this.#client.byId(id, subject) : guid !== null ? this.#client.withIdByGuid(guid) : this.#latestOf(subject)
      const { label } = this.#codec
      const failure = `Failed to serialize ${label} data from topic ${topic}: Error retrieving ${label} schema of ${subject}: `
      return this.#orFailure(
        found.then((schema) => this.#resolve(schema)),
        failure,
        'register one first, or set auto.register.schemas=true',
      )
    })
  }

  #latestOf(subject: string): Promise<RegisteredSchema> {
    const metadata = this.#config['use.latest.with.metadata']
    if (metadata === null) return this.#client.byVersion(subject, 'latest')
    const equals = metadata.indexOf('=')
    return this.#client.latestWithMetadata(subject, metadata.slice(0, equals), metadata.slice(equals + 1))
  }

  #reader(topic: string, id: number | string): CompiledReader {
    return this.#readers.get(`${id}\n${topic}`, `the schema ${id}`, () =>
      this.#orFailure(
        this.#loadReader(topic, id),
        `Failed to deserialize data for topic ${topic} to ${this.#codec.label}: Error retrieving ${this.#codec.label} schema ${id}: `,
      ),
    )
  }

  async #loadReader(topic: string, id: number | string): Promise<CompiledReader> {
    const rehearsed = this.#rehearsal?.schemaOf(id)
    if (rehearsed) return this.#codec.reader(await this.#resolve(rehearsed), null, null)
    const subject = this.#subjects.useRecordNames ? null : await this.#subjects.load(topic, null)
    const found = await (typeof id === 'number' ? this.#client.byId(id, subject) : this.#client.byGuid(id))
    const schema = await this.#resolve(found)
    const ofVersion = subject ?? (await this.#subjects.load(topic, this.#codec.recordName(schema)))
    const version = await this.#versionOf(ofVersion, schema)
    const latest = this.#readsLatest ? await this.#resolve(await this.#latestOf(ofVersion)) : null
    refuseRules((latest ?? schema).ruleSet, 'READ', ofVersion, this.#rules)
    if (latest && latest.version !== version) refuseRules(latest.ruleSet, 'UPGRADE', ofVersion, this.#rules)
    return this.#codec.reader(schema, version, latest)
  }

  /** Null where the subject does not have the schema, as in a topic that is mirrored under another name. */
  async #versionOf(subject: string, schema: ResolvedSchema): Promise<number | null> {
    try {
      return (await this.#client.lookUp(subject, schema, this.#codec.format, false)).version
    } catch (error) {
      if (error instanceof RestClientError && error.isNotFound) return null
      throw error
    }
  }

  async #resolve(schema: RegisteredSchema): Promise<ResolvedSchema> {
    if (schema.format !== this.#codec.format)
      throw new DataError(`the schema is of type ${schema.format}, not ${this.#codec.format}: use the converter of its type`)
    const referenced = new Map<string, string>()
    const visiting = new Set<string>()
    const visit = async ({ references }: RegisteredSchema): Promise<void> => {
      for (const { name, subject, version } of references) {
        if (referenced.has(name) || visiting.has(name)) continue
        if (visiting.size >= MAX_REFERENCES) throw new DataError(`a schema that refers to more than ${MAX_REFERENCES} others`)
        visiting.add(name)
        const other = await this.#client.byVersion(subject, version)
        await visit(other)
        referenced.set(name, other.schema)
      }
    }
    await visit(schema)
    return { ...schema, referenced: [...referenced].map(([name, text]) => ({ name, schema: text })) }
  }

  /** `advice` is what to do where the registry has no such schema. */
  async #orFailure<T>(work: Promise<T>, message: string, advice = ''): Promise<T> {
    try {
      return await work
    } catch (error) {
      const failure = this.#failure(error, message)
      if (advice !== '' && failure instanceof DataError && error instanceof RestClientError && error.isNotFound)
        throw new DataError(`${failure.message}; ${advice}`, { cause: error })
      throw failure
    }
  }

  /** What the runtime decides by stays as it is; all else is wrong with the record. */
  #failure(error: unknown, message: string): unknown {
    if (error instanceof SchemaPending || error instanceof Retriable) return error
    const isTooDeep = error instanceof RangeError && error.message.includes('call stack')
    return new DataError(`${message}${isTooDeep ? 'the value is nested too deep' : ((error as Error)?.message ?? error)}`, { cause: error })
  }
}

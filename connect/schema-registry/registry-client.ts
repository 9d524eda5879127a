/**
 * Requests to a schema registry by Confluent's REST API: to any of its URLs, with retries, deadlines and a limit for responses. Errors
 * are Retriable where the registry cannot be reached, and RestClientError with its words where it refuses. Neither has credentials.
 */
import type { IncomingMessage } from 'node:http'
import { TlsStores } from '../../core/security/tls/tls-stores.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import { sendHttpRequest } from '../../core/system/http-request.ts'
import type { System } from '../../core/system/index.ts'
import { InvalidSetting, Retriable } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import { type Credentials, credentials } from './credentials.ts'
import type { ClientConfig } from './registry-settings.ts'

const MAX_RESPONSE_BYTES = 16 * 1024 * 1024
/** As the namespace of a topic: that of any cluster. */
const ANY_CLUSTER = '-'
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'
/** Another registry, or this one later, may respond otherwise. */
const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500

/** The registry has refused a request. */
export class RestClientError extends Error {
  override name = 'RestClientException'
  readonly status: number
  readonly code: number

  constructor(status: number, code: number, message: string) {
    super(`${message}; error code: ${code}`)
    this.status = status
    this.code = code
  }

  get isNotFound(): boolean {
    return this.status === 404
  }
}

export type SchemaFormat = 'AVRO' | 'JSON' | 'PROTOBUF'

export interface SchemaLink {
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface SchemaText {
  readonly schema: string
  readonly references: readonly SchemaLink[]
}

export interface RegisteredSchema extends SchemaText {
  readonly format: SchemaFormat
  readonly id: number | null
  readonly guid: string | null
  readonly version: number | null
  /** JSON of the rules of its data contract; null where it has none. */
  readonly ruleSet: unknown
}

type Json = Record<string, unknown>

const numberOr = (value: unknown): number | null => (Number.isInteger(value) ? (value as number) : null)

const isLink = (value: unknown): value is SchemaLink => {
  const { name, subject, version } = (value ?? {}) as Record<string, unknown>
  return typeof name === 'string' && typeof subject === 'string' && Number.isInteger(version)
}

export class RegistryClient {
  readonly #urls: readonly URL[]
  readonly #config: ClientConfig
  readonly #system: System
  readonly #headers: Readonly<Record<string, string>>
  readonly #credentials: Credentials
  readonly #tls: TlsStores | null
  readonly #proxy: string | null
  #current: number

  /** Throws InvalidSetting, and KafkaError where a store cannot be read. */
  constructor(config: ClientConfig, raw: Readonly<Record<string, string>>, system: System) {
    this.#config = config
    this.#system = system
    this.#urls = config['schema.registry.url'].map((url) => new URL(url.endsWith('/') ? url : `${url}/`))
    this.#current = config['schema.registry.url.randomize'] ? system.random.below(this.#urls.length) : 0
    this.#headers = settingsUnder('request.header.', raw)
    this.#credentials = credentials(config, raw, system)
    const { 'proxy.host': host, 'proxy.port': port } = config
    if ((host === null) !== port < 0) throw InvalidSetting.saying('proxy.host', 'proxy.host and proxy.port are set together')
    this.#proxy = host === null ? null : `http://${host}:${port}`
    const stores = Object.entries(settingsUnder('schema.registry.', raw)).filter(([name]) => name.startsWith('ssl.'))
    this.#tls = this.#urls.some(({ protocol }) => protocol === 'https:')
      ? new TlsStores(Object.fromEntries(stores), 'client', system)
      : null
  }

  /** The id of a schema, which the registry gets if it does not have it. */
  async register(subject: string, schema: SchemaText, format: SchemaFormat, normalize: boolean): Promise<RegisteredSchema> {
    const path = `subjects/${encodeURIComponent(subject)}/versions?normalize=${normalize}`
    return registered(await this.#request('POST', path, body(schema, format)), format, schema)
  }

  /** The id and version of a schema that the subject has. */
  async lookUp(subject: string, schema: SchemaText, format: SchemaFormat, normalize: boolean): Promise<RegisteredSchema> {
    const path = `subjects/${encodeURIComponent(subject)}?normalize=${normalize}&deleted=true`
    return registered(await this.#request('POST', path, body(schema, format)), format, schema)
  }

  /** Why a schema could not be registered under the subject; empty where it could be, or the registry does not say. */
  async incompatibilities(subject: string, schema: SchemaText, format: SchemaFormat, normalize: boolean): Promise<string[]> {
    const path = `compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true&normalize=${normalize}`
    try {
      const { is_compatible: isCompatible, messages } = await this.#request('POST', path, body(schema, format))
      if (isCompatible !== false) return []
      return Array.isArray(messages) && messages.length > 0 ? messages.map(String) : ['the registry does not say why']
    } catch (error) {
      // Some registries check a schema against one version only.
      if (error instanceof RestClientError && error.isNotFound) return []
      throw error
    }
  }

  async byId(id: number, subject: string | null): Promise<RegisteredSchema> {
    const query = subject === null ? '' : `&subject=${encodeURIComponent(subject)}`
    return { ...registered(await this.#request('GET', `schemas/ids/${id}?fetchMaxId=false${query}`)), id }
  }

  async byGuid(guid: string): Promise<RegisteredSchema> {
    return { ...registered(await this.#request('GET', `schemas/guids/${encodeURIComponent(guid)}`)), guid }
  }

  /** With the id of the schema in the default context, or the first that has it. */
  async withIdByGuid(guid: string): Promise<RegisteredSchema> {
    const schema = await this.byGuid(guid)
    const ids: unknown = await this.#request('GET', `schemas/guids/${encodeURIComponent(guid)}/ids`)
    const [first] = (Array.isArray(ids) ? ids : []) as Json[]
    return { ...schema, id: numberOr(first?.id) }
  }

  async byVersion(subject: string, version: number | 'latest'): Promise<RegisteredSchema> {
    return registered(
      await this.#request('GET', `subjects/${encodeURIComponent(subject)}/versions/${version}?deleted=${version !== 'latest'}`),
    )
  }

  async latestWithMetadata(subject: string, key: string, value: string): Promise<RegisteredSchema> {
    const query = new URLSearchParams({ key, value, deleted: 'false' })
    return registered(await this.#request('GET', `subjects/${encodeURIComponent(subject)}/metadata?${query}`))
  }

  /** The subjects that a topic is associated with; null where the registry knows no associations. */
  async associatedSubjects(topic: string, clusterId: string | null, isKey: boolean): Promise<string[] | null> {
    const query = new URLSearchParams({ resourceType: 'topic', associationType: isKey ? 'key' : 'value', offset: '0', limit: '-1' })
    const path = `associations/resources/${encodeURIComponent(clusterId ?? ANY_CLUSTER)}/${encodeURIComponent(topic)}?${query}`
    try {
      const found: unknown = await this.#request('GET', path)
      if (!Array.isArray(found)) throw new Error('the response of the schema registry is no list of associations')
      return found.map((association: Json) => String(association.subject))
    } catch (error) {
      if (error instanceof RestClientError && error.isNotFound) return null
      throw error
    }
  }

  async #request(method: 'GET' | 'POST', path: string, json?: Json): Promise<Json> {
    const backoff = { baseMs: this.#config['retries.wait.ms'], maxMs: this.#config['retries.max.wait.ms'] }
    const { clock, random } = this.#system
    for (let attempt = 0; ; attempt++) {
      const failure = await this.#tryAll(method, path, json)
      if (!(failure instanceof Retriable)) return failure
      if (attempt >= this.#config['max.retries']) throw failure
      await clock.sleep(backoffMs(backoff, attempt, random))
    }
  }

  /** One request to each URL, until one has a final response. */
  async #tryAll(method: 'GET' | 'POST', path: string, json?: Json): Promise<Json | Retriable> {
    let failure: Retriable | null = null
    for (let tried = 0; tried < this.#urls.length; tried++) {
      const base = this.#urls[this.#current]!
      try {
        return await this.#send(base, method, path, json)
      } catch (error) {
        if (error instanceof RestClientError && !isPassing(error.status)) throw error
        const why = error instanceof RestClientError ? error.message : reasonOf(error)
        failure = new Retriable(
          `the schema registry ${base.origin} could not be used: ${why}; check schema.registry.url, and that it runs`,
          { cause: error },
        )
        this.#current = (this.#current + 1) % this.#urls.length
      }
    }
    return failure!
  }

  async #send(base: URL, method: 'GET' | 'POST', path: string, json?: Json): Promise<Json> {
    const { clock } = this.#system
    const url = new URL(path, base)
    url.username = ''
    url.password = ''
    const late = new AbortController()
    const timeoutMs = this.#config['http.connect.timeout.ms'] + this.#config['http.read.timeout.ms']
    const timer = clock.after(timeoutMs, () => late.abort(new Error(`no response within ${timeoutMs} ms`)))
    try {
      const headers = { accept: `${CONTENT_TYPE}, application/json`, ...this.#headers, ...(await this.#credentials(base)) }
      const request =
        json === undefined ? { headers } : { headers: { ...headers, 'content-type': CONTENT_TYPE }, body: JSON.stringify(json) }
      const response = await sendHttpRequest({ url, method, ...request, tls: this.#tlsOptions(url), proxy: this.#proxy }, late.signal)
      return parsed(response.statusCode!, await textOf(response), base)
    } catch (error) {
      throw late.signal.aborted ? late.signal.reason : error
    } finally {
      timer.cancel()
    }
  }

  #tlsOptions(url: URL) {
    if (!this.#tls || url.protocol !== 'https:') return null
    const { checksHostName } = this.#tls.settings
    return { ...this.#tls.options, ...(!checksHostName && { checkServerIdentity: () => undefined }) }
  }
}

/** The code of a network error: its message may repeat a request. */
const reasonOf = (error: unknown): string => (error as { code?: string }).code ?? (error as Error).message

const body = ({ schema, references }: SchemaText, format: SchemaFormat): Json => ({
  schema,
  ...(format !== 'AVRO' && { schemaType: format }),
  ...(references.length > 0 && { references }),
})

function registered(json: Json, format?: SchemaFormat, sent?: SchemaText): RegisteredSchema {
  const schema = json.schema ?? sent?.schema
  if (typeof schema !== 'string') throw new Error('the response of the schema registry has no schema')
  const links = Array.isArray(json.references) ? json.references : null
  if (links && !links.every(isLink)) throw new Error('the response of the schema registry has references without name, subject and version')
  return {
    schema,
    references: links ?? sent?.references ?? [],
    format: typeof json.schemaType === 'string' ? (json.schemaType as SchemaFormat) : (format ?? 'AVRO'),
    id: numberOr(json.id),
    guid: typeof json.guid === 'string' ? json.guid : null,
    version: numberOr(json.version),
    ruleSet: json.ruleSet ?? null,
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_RESPONSE_BYTES) throw new Error(`the response is longer than ${MAX_RESPONSE_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(status: number, text: string, base: URL): Json {
  let json: Json | null = null
  try {
    json = JSON.parse(text) as Json
  } catch {
    // What is not JSON has no words of the registry: the status says what is wrong.
  }
  if (status === 200 && typeof json === 'object' && json !== null) return json
  // A proxy or another server has answered: the registry may answer later, or at another URL.
  if (status < 400) throw new Error(`it responded with ${status}, but not as a schema registry`)
  const message =
    typeof json?.message === 'string'
      ? json.message
      : `${base.origin} responded with ${status}, but not as a schema registry: check the URL`
  throw new RestClientError(status, numberOr(json?.error_code) ?? status, message)
}

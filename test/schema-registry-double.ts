/**
 * The endpoints of a schema registry that converters use, in memory, for tests of what a registry may do to them: it counts requests, can
 * be told to fail, and asks for credentials. It knows no compatibility.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

interface Stored {
  id: number
  guid: string
  schema: string
  schemaType: string
  references: unknown[]
}

type Answer = { status: number; body: unknown }

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const notFound = (code: number, message: string): Answer => ({ status: 404, body: { error_code: code, message } })

export class SchemaRegistryDouble {
  readonly requests: { method: string; path: string; headers: IncomingMessage['headers'] }[] = []
  /** Answers a request instead of the registry where it returns something. */
  intercept: (method: string, path: string, headers: IncomingMessage['headers']) => Answer | undefined | Promise<Answer | undefined> = () =>
    undefined
  readonly #schemas: Stored[] = []
  readonly #subjects = new Map<string, number[]>()
  readonly #server: Server
  readonly #protocol: string

  private constructor(tls?: ServerOptions) {
    const listener: RequestListener = async (request, response) => {
      const text = await textOf(request)
      const path = request.url!
      this.requests.push({ method: request.method!, path, headers: request.headers })
      const { status, body } = (await this.intercept(request.method!, path, request.headers)) ?? this.#answer(request.method!, path, text)
      response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body))
    }
    this.#protocol = tls ? 'https' : 'http'
    this.#server = tls ? createSecureServer(tls, listener) : createServer(listener)
  }

  static async start(tls?: ServerOptions): Promise<SchemaRegistryDouble> {
    const registry = new SchemaRegistryDouble(tls)
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  get url(): string {
    return `${this.#protocol}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The schema of an id, as it was registered. */
  schema(id: number): string {
    return this.#schemas[id - 1]!.schema
  }

  register(subject: string, schema: string, schemaType = 'AVRO', references: unknown[] = []): number {
    let stored = this.#schemas.find((known) => known.schema === schema && known.schemaType === schemaType)
    if (!stored) {
      const id = this.#schemas.length + 1
      stored = { id, guid: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`, schema, schemaType, references }
      this.#schemas.push(stored)
    }
    const versions = this.#subjects.get(subject) ?? []
    if (!versions.includes(stored.id)) this.#subjects.set(subject, [...versions, stored.id])
    return stored.id
  }

  #version(subject: string, version: string): Answer {
    const versions = this.#subjects.get(subject)
    if (!versions) return notFound(40401, `Subject '${subject}' not found.`)
    const number = version === 'latest' ? versions.length : Number(version)
    const id = versions[number - 1]
    return id === undefined
      ? notFound(40402, `Version ${version} not found.`)
      : { status: 200, body: { subject, version: number, ...this.#schemas[id - 1] } }
  }

  #answer(method: string, path: string, text: string): Answer {
    const { pathname } = new URL(path, 'http://registry')
    const parts = pathname.split('/').slice(1).map(decodeURIComponent)
    if (method === 'POST') {
      const { schema, schemaType = 'AVRO', references = [] } = JSON.parse(text)
      const subject = parts[1]!
      if (parts[2] === 'versions') {
        const id = this.register(subject, schema, schemaType, references)
        return { status: 200, body: { id, guid: this.#schemas[id - 1]!.guid } }
      }
      const versions = this.#subjects.get(subject)
      if (!versions) return notFound(40401, `Subject '${subject}' not found.`)
      const index = versions.findIndex((id) => this.#schemas[id - 1]!.schema === schema)
      if (index < 0) return notFound(40403, 'Schema not found')
      return this.#version(subject, String(index + 1))
    }
    if (parts[0] === 'schemas') {
      const stored = parts[1] === 'guids' ? this.#schemas.find(({ guid }) => guid === parts[2]) : this.#schemas[Number(parts[2]) - 1]
      return stored ? { status: 200, body: stored } : notFound(40403, `Schema ${parts[2]} not found`)
    }
    if (parts[2] === 'metadata') return this.#version(parts[1]!, 'latest')
    return this.#version(parts[1]!, parts[3]!)
  }
}

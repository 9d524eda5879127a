/**
 * Instances of the schema registry inside the test's own process, each with its REST API on a free port, on a broker in the same process.
 * They are what `tributary registry` starts.
 */
import { openRegistryRest } from '../bin/registry-rest.ts'
import { type Client, createClient } from '../core/client/index.ts'
import type { SystemProperties } from '../core/security/sasl/types.ts'
import { realSystem } from '../core/system/index.ts'
import type { SchemaRegistry } from '../registry/index.ts'
import { startRegistry } from '../registry/index.ts'
import { type BrokerInProcess, brokerInProcess, keepingLogger, type LogLine } from './broker-in-process.ts'

export interface RegistryInstance {
  readonly registry: SchemaRegistry
  readonly url: string
  readonly lines: LogLine[]
  /** Sends JSON, and returns the status and the parsed body. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<RegistryResponse>
  close(): Promise<void>
}

export interface RegistryResponse {
  readonly status: number
  readonly type: string | null
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many forms.
  readonly body: any
}

export interface RegistriesInProcess {
  readonly broker: BrokerInProcess
  readonly client: Client
  /** `settings` are added to those of an instance on the broker. */
  start(settings?: Readonly<Record<string, string>>, systemProperties?: SystemProperties): Promise<RegistryInstance>
  /** Closes the instances, the client and the broker. */
  stop(): Promise<void>
}

/** A registry of its own on a broker: other tests of the broker use other topics and groups. */
export const ownRegistry = (name: string): Readonly<Record<string, string>> => ({
  'kafkastore.topic': `_schemas-${name}`,
  'schema.registry.group.id': `registry-${name}`,
})

export async function sendTo(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<RegistryResponse> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type'), body: text === '' ? null : parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export async function registriesInProcess(brokerProperties: Readonly<Record<string, string>> = {}): Promise<RegistriesInProcess> {
  const broker = await brokerInProcess(brokerProperties)
  const bootstrapServers = `127.0.0.1:${broker.port}`
  const client = createClient({ bootstrapServers, clientId: 'test' }, realSystem('silent'))
  const running = new Set<RegistryInstance>()
  return {
    broker,
    client,
    async start(settings = {}, systemProperties = {}) {
      const lines: LogLine[] = []
      const system = { ...realSystem('silent'), logger: keepingLogger(lines) }
      const properties = {
        'kafkastore.bootstrap.servers': bootstrapServers,
        listeners: 'http://127.0.0.1:0',
        // The machine of a test may be busy.
        'kafkastore.timeout.ms': '15000',
        'kafkagroup.session.timeout.ms': '6000',
        'kafkagroup.heartbeat.interval.ms': '500',
        ...settings,
      }
      const rest = await openRegistryRest(properties, system, systemProperties)
      const registry = await startRegistry(properties, system, { advertisedUrl: rest.advertisedUrl }).catch(async (error) => {
        await rest.close()
        throw error
      })
      await rest.serve(registry, '1.2.3')
      const url = rest.urls[0]!
      const instance: RegistryInstance = {
        registry,
        url,
        lines,
        send: (method, path, body, headers) => sendTo(url, method, path, body, headers),
        async close() {
          if (!running.delete(instance)) return
          await rest.close()
          await registry.close()
        },
      }
      running.add(instance)
      return instance
    },
    async stop() {
      await Promise.all([...running].map((instance) => instance.close()))
      await client.close()
      await broker.stop()
    },
  }
}

/**
 * The schema registry of `tributary up`: its settings are those of a file, else those that fit the broker and the worker of the process.
 * Its sockets are opened first, as those of the worker.
 */
import type { SystemProperties } from '../core/security/sasl/types.ts'
import type { System } from '../core/system/index.ts'
import { version } from '../core/system/version.ts'
import type { SchemaRegistry } from '../registry/index.ts'
import { registryDefaults, registryRestNames } from './commands/registry.ts'
import { openRegistryRest } from './registry-rest.ts'
import { UserError } from './user-error.ts'

export interface UpRegistryOptions {
  /** The file of the registry. */
  readonly file: Readonly<Record<string, string>>
  /** The file of the worker. */
  readonly workerFile: Readonly<Record<string, string>>
  /** Where it listens, `host:port`; null for the listeners of the file. */
  readonly hostAndPort: string | null
}

export interface UpRegistry {
  readonly urls: readonly string[]
  /** `bootstrap` is the broker of this process. */
  start(bootstrap: string): Promise<SchemaRegistry>
  close(): Promise<void>
}

const isClientSecurity = (name: string) => name === 'security.protocol' || name.startsWith('ssl.') || name.startsWith('sasl.')

/** A registry without a file logs in to the broker as the worker does. */
function securityOfWorker({ file, workerFile }: UpRegistryOptions): Record<string, string> {
  if (Object.keys(file).length > 0 || workerFile['bootstrap.servers'] !== undefined) return {}
  return Object.fromEntries(
    Object.entries(workerFile)
      .filter(([name]) => isClientSecurity(name))
      .map(([name, value]) => [`kafkastore.${name}`, value]),
  )
}

export async function openUpRegistry(options: UpRegistryOptions, system: System, systemProperties: SystemProperties): Promise<UpRegistry> {
  const { file, hostAndPort } = options
  const protocol = /^\s*https:/i.test(file.listeners ?? '') ? 'https' : 'http'
  const settings = {
    ...registryDefaults,
    ...securityOfWorker(options),
    ...file,
    ...(hostAndPort === null ? {} : { listeners: `${protocol}://${hostAndPort}` }),
  }
  const rest = await openRegistryRest(settings, system, systemProperties)
  let registry: SchemaRegistry | undefined
  return {
    urls: rest.urls,
    async start(bootstrap) {
      const { startRegistry } = await import('../registry/index.ts')
      const servers = file['kafkastore.bootstrap.servers'] ?? bootstrap
      try {
        registry = await startRegistry({ ...settings, 'kafkastore.bootstrap.servers': servers }, system, {
          advertisedUrl: rest.advertisedUrl,
          otherSettings: registryRestNames,
          systemProperties,
        })
      } catch (cause) {
        throw new UserError(
          `The schema registry of "tributary up" cannot start on ${servers}: set its kafkastore settings in --registry FILE, or start without it by --no-registry.`,
          { cause },
        )
      }
      await rest.serve(registry, version)
      return registry
    },
    async close() {
      await registry?.close()
      await rest.close()
    },
  }
}

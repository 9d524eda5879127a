/**
 * How a configuration provider is declared: the default export of a file in core/config-providers, with the name of Kafka's class. A
 * provider reads anew whenever it is asked, so that what has changed takes effect with the next start of what uses it. Its errors and log
 * lines name paths and keys, never values (Invariant 12).
 */
import type { Disk } from '../system/disk.ts'
import type { Logger } from '../system/logger.ts'

/** What providers use of the system. */
export interface ProviderSystem {
  readonly disk: Disk
  readonly logger: Logger
  /** The variables of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface ConfigProvider {
  /** The values of those of `keys` that exist. @throws ConfigProviderError where the path cannot be read. */
  get(path: string, keys: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>
}

export interface ConfigProviderDeclaration {
  /** Kafka's class. */
  readonly class: string
  /** With the settings `config.providers.NAME.param.*`. @throws ConfigProviderError for settings that are invalid. */
  configure(params: Readonly<Record<string, string>>, system: ProviderSystem): Promise<ConfigProvider>
}

export const defineConfigProvider = (declaration: ConfigProviderDeclaration): ConfigProviderDeclaration => declaration

/** Kafka's ConfigException: the message has no secret. */
export class ConfigProviderError extends Error {
  override name = 'ConfigException'
}

/** A file of secrets. */
export const MAX_SECRET_FILE_BYTES = 1_048_576

/**
 * The providers that a file names: `config.providers`, and for each `config.providers.NAME.class` and `.param.*`. One home for the files of
 * brokers, workers and mirrors and for the configs of connectors. Kafka's providers alone exist, and the system property
 * `org.apache.kafka.automatic.config.providers` may allow fewer.
 */
import { fileURLToPath } from 'node:url'
import type { SystemProperties } from '../security/sasl/types.ts'
import type { Clock } from '../system/clock.ts'
import { scan } from '../system/scan.ts'
import { type ConfigProvider, type ConfigProviderDeclaration, ConfigProviderError, type ProviderSystem } from './config-provider.ts'
import { ConfigTransformer } from './config-transformer.ts'

const CONFIG_PROVIDERS = 'config.providers'
const AUTOMATIC_CONFIG_PROVIDERS = 'org.apache.kafka.automatic.config.providers'

const folder = fileURLToPath(new URL('../config-providers', import.meta.url))

export interface ConfigProviderOptions extends ProviderSystem {
  readonly clock: Clock
  readonly systemProperties: SystemProperties
}

const itemsOf = (list: string): string[] => list.split(',').map((item) => item.trim())

/** @throws ConfigProviderError for a provider that does not exist, is not allowed, or is configured wrongly. */
export async function openConfigTransformer(
  properties: Readonly<Record<string, string>>,
  options: ConfigProviderOptions,
): Promise<ConfigTransformer> {
  const names = [...new Set(itemsOf(properties[CONFIG_PROVIDERS] ?? ''))].filter((name) => name !== '')
  // Most files have none: then the providers are not loaded.
  const declared = names.length === 0 ? [] : await scan<ConfigProviderDeclaration>(folder, /./)
  const allowed = options.systemProperties[AUTOMATIC_CONFIG_PROVIDERS]
  const isAllowed = (className: string) => allowed === undefined || itemsOf(allowed).includes(className)
  const providers = new Map<string, ConfigProvider>()
  for (const name of names) {
    const setting = `${CONFIG_PROVIDERS}.${name}.class`
    const className = properties[setting]
    if (className === undefined) {
      options.logger.warn({ provider: name }, `${setting} is not set: the references to ${name} stay as they are written. Set the class`)
      continue
    }
    if (!isAllowed(className))
      throw new ConfigProviderError(
        `${className} is not allowed. Update System property '${AUTOMATIC_CONFIG_PROVIDERS}' to allow ${className}`,
      )
    const declaration = declared.find((candidate) => candidate.class === className.trim())
    if (!declaration)
      throw new ConfigProviderError(
        `Invalid value ${className} for configuration ${setting}: Could not load config provider class or one of its dependencies. ` +
          `Use one of ${declared.map((candidate) => candidate.class).join(', ')}`,
      )
    providers.set(name, await declaration.configure(paramsOf(name, properties), options))
  }
  return new ConfigTransformer(providers, options.clock)
}

function paramsOf(name: string, properties: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = `${CONFIG_PROVIDERS}.${name}.param.`
  const own = Object.entries(properties).filter(([setting]) => setting.startsWith(prefix) && setting.length > prefix.length)
  return Object.fromEntries(own.map(([setting, value]) => [setting.slice(prefix.length), value]))
}

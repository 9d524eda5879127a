/**
 * What a worker knows of connectors, without a worker: plugins, default converters, references, override policy. The commands that try a
 * connector file before it runs are built on it. It connects to nothing by itself. Plugins of plugin.path run in its process.
 */
import { openConfigTransformer } from '../../core/config-references/config-providers.ts'
import type { ConfigTransformer } from '../../core/config-references/config-transformer.ts'
import type { SystemProperties } from '../../core/security/sasl/types.ts'
import type { System } from '../../core/system/index.ts'
import { findPlugins, type Plugins } from '../plugins.ts'
import { ConfigValidator } from '../runtime/config-validator.ts'
import type { ConnectorClients } from '../runtime/connector-clients.ts'
import { workerClients } from '../runtime/worker-clients.ts'
import { parseWorkerSettings, type WorkerConfig } from '../runtime/worker-settings.ts'
import type { Connector } from '../sdk/index.ts'
import type { ConnectorConfig } from '../types.ts'

export interface OfflineWorkerOptions {
  /** Connectors besides those in connectors/. */
  connectors?: readonly Connector[]
  systemProperties?: SystemProperties
  environment?: Readonly<Record<string, string | undefined>>
}

export interface OfflineWorker {
  readonly plugins: Plugins
  readonly properties: Readonly<Record<string, string>>
  readonly config: WorkerConfig
  readonly transformer: ConfigTransformer
  readonly validator: ConfigValidator
  /** Connect at their first use. */
  readonly clients: ConnectorClients
  readonly system: System
  close(): Promise<void>
}

const SECRET_NAME =
  /password|passwd|passphrase|secret|jaas|token|credential|user\.info|keystore\.key|authorization|api[._-]?key|private[._-]?key/i
/** A URL with a login. */
const LOGIN_IN_URL = /:\/\/[^/\s@]*:[^/\s@]+@/

/** A reference to a secret may be shown: it is what a secret is written as. */
const isReference = (value: string): boolean => /^\$\{[^}]*\}$/.test(value.trim())

/**
 * Whether a value of a config must not be shown: by the type of the setting, and by its name where no plugin of this worker declares it.
 */
export function isSecretSetting({ plugins }: Pick<OfflineWorker, 'plugins'>, config: ConnectorConfig, setting: string): boolean {
  const value = config[setting] ?? ''
  if (isReference(value)) return false
  if (LOGIN_IN_URL.test(value)) return true
  const declared = plugins.findConnector(config['connector.class'] ?? '')?.settings[setting]
  return declared ? declared.type === 'PASSWORD' : SECRET_NAME.test(setting)
}

/** `properties` are those of a worker's file, with their own references replaced. */
export async function openOfflineWorker(
  properties: Readonly<Record<string, string>>,
  system: System,
  { connectors = [], systemProperties = {}, environment = {} }: OfflineWorkerOptions = {},
): Promise<OfflineWorker> {
  const config = parseWorkerSettings(properties)
  const { clock, disk, logger } = system
  const transformer = await openConfigTransformer(properties, { clock, disk, logger, environment, systemProperties })
  const plugins = await findPlugins(connectors)
  const folders = config['plugin.path'].filter((folder) => folder !== '')
  if (folders.length > 0) {
    const { loadPluginPath } = await import('../plugins/plugin-loading.ts')
    plugins.setPathPlugins(await loadPluginPath(folders, system))
  }
  const clients = workerClients(properties, config, 'offline:0', systemProperties, system)
  return {
    plugins,
    properties,
    config,
    transformer,
    validator: new ConfigValidator(plugins, config, clients.ofConnectors, transformer),
    clients: clients.ofConnectors,
    system,
    close: () => clients.close(),
  }
}

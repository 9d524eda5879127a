/**
 * Validates connector configs for the REST API, in the context of this worker: its plugins, its default converters, its group. It changes
 * nothing and starts nothing.
 */
import type { Plugins } from '../plugins.ts'
import { type ConfigInfos, type ConfigKeyInfo, ConnectError, type ConnectorConfig } from '../types.ts'
import type { ConnectorClients } from './connector-clients.ts'
import { keyInfo, settingsOf, throwIfInvalid, validate } from './validation.ts'
import { defaultConverters, type WorkerConfig } from './worker-settings.ts'

export class ConfigValidator {
  readonly #plugins: Plugins
  readonly #workerConfig: WorkerConfig
  readonly #clients: Pick<ConnectorClients, 'refusal'>

  constructor(plugins: Plugins, workerConfig: WorkerConfig, clients: Pick<ConnectorClients, 'refusal'>) {
    this.#plugins = plugins
    this.#workerConfig = workerConfig
    this.#clients = clients
  }

  validate(config: ConnectorConfig): ConfigInfos {
    const infos = validate(this.#plugins, config, defaultConverters(this.#workerConfig), (...override) =>
      this.#clients.refusal(...override),
    )
    const isSink = this.#plugins.findConnector(config['connector.class'] ?? '')?.type === 'sink'
    if (isSink && `connect-${config.name}` === this.#workerConfig['group.id']) {
      const name = infos.configs.find(({ definition }) => definition.name === 'name')
      name?.value.errors.push(
        `Consumer group for sink connector named ${config.name} conflicts with Connect worker group connect-${config.name}`,
      )
      infos.error_count++
    }
    return infos
  }

  /** As `PUT /connector-plugins/{plugin}/config/validate`: the config must be one of that plugin. */
  validateFor(plugin: string, config: ConnectorConfig): ConfigInfos {
    const className = config['connector.class']
    if (className !== undefined) {
      const ofConfig = this.#plugins.findConnector(className)
      const ofRequest = this.#plugins.findConnector(plugin)
      const same = ofConfig && ofRequest ? ofConfig === ofRequest : withoutSuffix(className).endsWith(withoutSuffix(plugin))
      if (!same) throw new ConnectError(400, `Included connector type ${className} does not match request type ${plugin}`)
    }
    return this.validate(config)
  }

  /** The config with the connector's name in it. Throws 400 where it is invalid. */
  requireValid(name: string, submitted: ConnectorConfig): ConnectorConfig {
    if (submitted.name !== undefined && submitted.name !== name)
      throw new ConnectError(400, `Connector name configuration (${submitted.name}) doesn't match connector name in the URL (${name})`)
    const config = { ...submitted, name }
    throwIfInvalid(this.validate(config))
    return config
  }

  pluginConfig(name: string): ConfigKeyInfo[] {
    const plugin = this.#plugins.settingsOf(name)
    if (!plugin) throw new ConnectError(404, `Unknown plugin ${name}.`)
    const settings =
      plugin.kind === 'connector' ? { ...plugin.plugin.settings, ...settingsOf(this.#plugins, plugin.plugin) } : plugin.settings
    return Object.entries(settings).map(([key, setting]) => keyInfo(key, setting))
  }
}

const withoutSuffix = (className: string) => className.replace(/Connector$/, '')

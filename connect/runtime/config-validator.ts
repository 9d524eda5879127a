/**
 * Validates connector configs for the REST API, in the context of this worker: its plugins, its default converters, its group, its
 * configuration providers; and, where the rest is valid, in the system of the connector. What references stand for is checked and never
 * shown (Invariant 12). It changes nothing and starts nothing.
 */
import { ConfigProviderError } from '../../core/config-references/config-provider.ts'
import type { ConfigTransformer, ResolvedConfig } from '../../core/config-references/config-transformer.ts'
import { redactAll } from '../../core/config-references/redaction.ts'
import type { System } from '../../core/system/index.ts'
import type { Plugins } from '../plugins.ts'
import { parseSettings } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import { type ConfigInfos, type ConfigKeyInfo, ConnectError, type ConnectorConfig } from '../types.ts'
import { boundedCall } from './bounded-call.ts'
import type { ConnectorClients } from './connector-clients.ts'
import type { ValidateCall } from './isolation/thread-messages.ts'
import { rangeIn, requiredRange } from './plugin-versions.ts'
import { addProblems, keyInfo, settingsOf, throwIfInvalid, validate } from './validation.ts'
import { defaultConverters, type WorkerConfig, workerLimits } from './worker-settings.ts'

/** Validates configs with plugins whose code does not run here. */
export interface ValidationIsolation {
  concerns(config: ConnectorConfig): boolean
  validate(call: ValidateCall): Promise<ConfigInfos>
}

/** A request waits no longer for the system of a connector. */
const SYSTEM_CHECK_MS = 10_000

const GROUP_OVERRIDE = 'consumer.override.group.id'

export class ConfigValidator {
  readonly #plugins: Plugins
  readonly #workerConfig: WorkerConfig
  readonly #clients: Pick<ConnectorClients, 'refusal'>
  readonly #transformer: ConfigTransformer
  readonly #isolation: ValidationIsolation | null
  readonly #exactlyOnce: boolean | null
  /** Null where the systems of connectors are not asked: nothing connects to them. */
  readonly #system: Pick<System, 'clock' | 'logger'> | null

  constructor(
    plugins: Plugins,
    workerConfig: WorkerConfig,
    clients: Pick<ConnectorClients, 'refusal'>,
    transformer: ConfigTransformer,
    isolation: ValidationIsolation | null = null,
    standalone = false,
    system: Pick<System, 'clock' | 'logger'> | null = null,
  ) {
    this.#system = system
    // As in Kafka Connect, a standalone worker neither has exactly-once support nor checks for it.
    this.#exactlyOnce = standalone ? null : workerConfig['exactly.once.source.support'] === 'enabled'
    this.#isolation = isolation
    this.#plugins = plugins
    this.#workerConfig = workerConfig
    this.#clients = clients
    this.#transformer = transformer
  }

  async validate(written: ConnectorConfig): Promise<ConfigInfos> {
    const resolved = await this.resolve(written)
    try {
      const infos = await this.#validateResolved(resolved.config, written)
      if (infos.error_count === 0) await this.#checkSystem(infos, resolved)
      return withoutSecrets(infos, resolved)
    } catch (error) {
      throw redactAll(error, resolved.redact)
    }
  }

  /** The config with its references replaced. Throws 500, as Kafka Connect, where a provider cannot read them. */
  async resolve(written: ConnectorConfig): Promise<ResolvedConfig> {
    try {
      return await this.#transformer.transform(written)
    } catch (error) {
      if (error instanceof ConfigProviderError) throw new ConnectError(500, error.message, { cause: error })
      throw error
    }
  }

  async #validateResolved(config: ConnectorConfig, written: ConnectorConfig): Promise<ConfigInfos> {
    const defaults = defaultConverters(this.#workerConfig)
    const exactlyOnce = this.#exactlyOnce
    const createsTopics = this.#workerConfig['topic.creation.enable']
    const infos = this.#isolation?.concerns(config)
      ? await this.#isolation.validate({ config, written, defaults, refusals: this.#refusals(config), exactlyOnce, createsTopics })
      : validate(this.#plugins, config, defaults, (...override) => this.#clients.refusal(...override), written, exactlyOnce, createsTopics)
    const isSink = this.#plugins.findConnector(config['connector.class'] ?? '')?.type === 'sink'
    const override = config[GROUP_OVERRIDE]
    const group = override ?? `connect-${config.name}`
    if (isSink && group === this.#workerConfig['group.id']) {
      const where = override === undefined ? 'name' : GROUP_OVERRIDE
      const whose = override === undefined ? `Consumer group for sink connector named ${config.name}` : `Consumer group ${group}`
      const info = infos.configs.find(({ definition }) => definition.name === where)
      info?.value.errors.push(`${whose} conflicts with Connect worker group ${group}`)
      infos.error_count++
    }
    return infos
  }

  /** What a connector finds in its system, at the settings. Where it cannot tell, the config is valid. */
  async #checkSystem(infos: ConfigInfos, { config, redact }: ResolvedConfig): Promise<void> {
    const system = this.#system
    const plugin = this.#plugins.findConnector(config['connector.class'] ?? '', rangeIn(config['connector.plugin.version']))
    if (!system || !plugin || plugin.kind === 'flow' || !plugin.side.checkSystem) return
    const parsed = parseSettings(plugin.settings, config)
    const limits = workerLimits(this.#workerConfig)
    try {
      const problems = await boundedCall(system.clock, SYSTEM_CHECK_MS, (signal) => plugin.side.checkSystem!(parsed, signal, limits))
      addProblems(infos.configs, problems)
      infos.error_count += problems.length
    } catch (error) {
      const { message } = redactAll(error, redact) as Error
      system.logger.warn(
        { connector: config.name, class: plugin.class, reason: message },
        'the system of a connector could not be checked while its config was validated: the config counts as valid',
      )
    }
  }

  /** Why overrides in the config are refused: `producer.override.acks` → the reason. */
  #refusals(config: ConnectorConfig): Record<string, string> {
    return Object.fromEntries(
      (['producer', 'consumer', 'admin'] as const).flatMap((kind) =>
        Object.entries(settingsUnder(`${kind}.override.`, config)).flatMap(([name, value]) => {
          const refusal = this.#clients.refusal(kind, name, value)
          return refusal === undefined ? [] : [[`${kind}.override.${name}`, refusal]]
        }),
      ),
    )
  }

  /** As `PUT /connector-plugins/{plugin}/config/validate`: the config must be one of that plugin. */
  async validateFor(plugin: string, config: ConnectorConfig): Promise<ConfigInfos> {
    const className = config['connector.class']
    if (className !== undefined) {
      const ofConfig = this.#plugins.findConnector(className)
      const ofRequest = this.#plugins.findConnector(plugin)
      const same = ofConfig && ofRequest ? ofConfig === ofRequest : withoutSuffix(className).endsWith(withoutSuffix(plugin))
      if (!same) throw new ConnectError(400, `Included connector type ${className} does not match request type ${plugin}`)
    }
    return await this.validate(config)
  }

  /** The config with the connector's name in it. Throws 400 where it is invalid. */
  async requireValid(name: string, submitted: ConnectorConfig): Promise<ConnectorConfig> {
    if (submitted.name !== undefined && submitted.name !== name)
      throw new ConnectError(400, `Connector name configuration (${submitted.name}) doesn't match connector name in the URL (${name})`)
    const config = { ...submitted, name }
    throwIfInvalid(await this.validate(config))
    return config
  }

  pluginConfig(name: string, spec?: string): ConfigKeyInfo[] {
    const plugin = this.#plugins.plugin(name, requiredRange(this.#plugins, name, spec))
    if (!plugin) throw new ConnectError(404, `Unknown plugin ${name}.`)
    const settings =
      plugin.kind === 'connector' ? { ...plugin.plugin.settings, ...settingsOf(this.#plugins, plugin.plugin) } : plugin.settings
    return Object.entries(settings).map(([key, setting]) => keyInfo(key, setting))
  }
}

/** The values are those that were written; errors may quote what references stand for. */
function withoutSecrets(infos: ConfigInfos, { redact, hasSecrets }: ResolvedConfig): ConfigInfos {
  if (!hasSecrets) return infos
  const configs = infos.configs.map((info) => ({ ...info, value: { ...info.value, errors: info.value.errors.map(redact) } }))
  return { ...infos, configs }
}

const withoutSuffix = (className: string) => className.replace(/Connector$/, '')

/**
 * The values that the references of connector configs stood for when this worker, as the leader, last considered their task configs. Where
 * they have changed, the task configs are written again, so that the tasks read the new ones, as in Kafka Connect.
 */
import { type ConfigTransformer, referringNames } from '../../core/config-references/config-transformer.ts'
import type { Logger } from '../../core/system/logger.ts'
import { sameConfig } from '../storage/config-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'

export class AppliedConfigs {
  readonly #transformer: ConfigTransformer
  readonly #logger: Logger
  /** They have secrets. */
  readonly #resolved = new Map<string, ConnectorConfig>()

  constructor(transformer: ConfigTransformer, logger: Logger) {
    this.#transformer = transformer
    this.#logger = logger
  }

  /** True where the config, with its references replaced, is another one than at the last call; false at the first. */
  async hasNewValues(connector: string, written: ConnectorConfig): Promise<boolean> {
    const before = this.#resolved.get(connector)
    if (referringNames(written).length === 0) {
      this.#resolved.delete(connector)
      return false
    }
    try {
      const { config } = await this.#transformer.transform(written)
      this.#resolved.set(connector, config)
      return before !== undefined && !sameConfig(before, config)
    } catch (error) {
      // The workers of the tasks may have what the leader has not.
      this.#logger.warn({ err: error, connector }, 'the references of a connector cannot be resolved on the leader')
      return false
    }
  }

  forget(connector: string): void {
    this.#resolved.delete(connector)
  }
}

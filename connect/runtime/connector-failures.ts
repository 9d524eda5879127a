/** The last failures of connectors as the REST API returns them. */
import type { Logger } from '../../core/system/logger.ts'
import type { FailureHistory } from '../storage/failure-history.ts'
import type { FailureEntry } from '../types.ts'
import { CONNECTOR_TASK } from './connect-protocol.ts'

export class ConnectorFailures {
  readonly #history: FailureHistory
  readonly #logger: Logger

  constructor(history: FailureHistory, logger: Logger) {
    this.#history = history
    this.#logger = logger
  }

  /** The newest first. */
  async list(connector: string): Promise<FailureEntry[]> {
    return (await this.#history.of(connector)).map(({ time, task, workerId, trace, action, restartTime }) => ({
      time: new Date(time).toISOString(),
      task: task === CONNECTOR_TASK ? null : task,
      worker_id: workerId,
      trace,
      action,
      restart: restartTime === null ? null : new Date(restartTime).toISOString(),
    }))
  }

  /** Never rejects: the connector is deleted already. */
  async remove(connector: string): Promise<void> {
    try {
      await this.#history.remove(connector)
    } catch (error) {
      this.#logger.warn({ err: error, connector }, 'the failures of a deleted connector could not be removed')
    }
  }
}

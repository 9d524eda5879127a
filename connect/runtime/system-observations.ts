/**
 * Asks connectors from time to time what their systems keep or suffer for them. The worker that runs a connector asks, also while it is
 * paused or stopped: its metrics and warnings show the answer. No error of an observation fails a connector.
 */
import type { ResolvedConfig } from '../../core/config-references/config-transformer.ts'
import type { System } from '../../core/system/index.ts'
import { Semaphore } from '../../core/system/semaphore.ts'
import type { ConnectorPlugin } from '../plugins.ts'
import { parseSettings, type SystemObservation } from '../sdk/index.ts'
import { boundedCall } from './bounded-call.ts'
import { ConnectorGauges } from './observation/connector-gauges.ts'

const INTERVAL_MS = 60_000
const TIMEOUT_MS = 10_000
/** Further ones wait (Invariant 13). */
const MAX_AT_ONCE = 4
/** What of an observation a status has. */
const MAX_WARNINGS = 16
const MAX_WARNING_CHARACTERS = 1_000

type ObservedSystem = Pick<System, 'clock' | 'logger' | 'metrics'>

interface Observed {
  connector: string
  plugin: ConnectorPlugin
  resolve(): Promise<ResolvedConfig>
  gauges: ConnectorGauges
  stopping: AbortController
  warnings: readonly string[]
}

export class SystemObservations {
  readonly #system: ObservedSystem
  readonly #onWarnings: (connector: string, warnings: readonly string[]) => void
  readonly #intervalMs: number
  readonly #permits = new Semaphore(MAX_AT_ONCE)
  readonly #observed = new Map<string, Observed>()

  /** `onWarnings` gets all warnings of a connector when they have changed. */
  constructor(
    system: ObservedSystem,
    onWarnings: (connector: string, warnings: readonly string[]) => void,
    intervalMs: number = INTERVAL_MS,
  ) {
    this.#system = system
    this.#onWarnings = onWarnings
    this.#intervalMs = intervalMs
  }

  /** `resolve` gives its config each time, as a password may have changed. */
  start(connector: string, plugin: ConnectorPlugin, resolve: () => Promise<ResolvedConfig>): void {
    if (plugin.kind === 'flow' || !plugin.side.observe) return
    this.stop(connector)
    const { metrics, logger } = this.#system
    const gauges = new ConnectorGauges(metrics, { connector }, (message) => logger.warn({ connector }, message))
    const observed: Observed = { connector, plugin, resolve, gauges, stopping: new AbortController(), warnings: [] }
    this.#observed.set(connector, observed)
    void this.#run(observed)
  }

  stop(connector: string): void {
    const observed = this.#observed.get(connector)
    if (!observed) return
    this.#observed.delete(connector)
    observed.stopping.abort()
    observed.gauges.close()
  }

  async #run(observed: Observed): Promise<void> {
    const { signal } = observed.stopping
    while (!signal.aborted) {
      await this.#permits.run(() => this.#observe(observed))
      await this.#system.clock.sleep(this.#intervalMs, signal)
    }
  }

  /** Never rejects. What cannot be observed is a warning too, and has no metrics. */
  async #observe(observed: Observed): Promise<void> {
    const { plugin, resolve, gauges, stopping } = observed
    const { signal } = stopping
    if (signal.aborted || plugin.kind === 'flow') return
    let warnings: string[]
    let redact = (text: string) => text
    try {
      const resolved = await resolve()
      redact = resolved.redact
      const config = parseSettings(plugin.settings, resolved.config)
      const found = await boundedCall(this.#system.clock, TIMEOUT_MS, (limit) => plugin.side.observe!(config, limit), signal)
      requireObservation(plugin.class, found)
      if (signal.aborted) return
      gauges.replace(found.metrics)
      warnings = [...found.warnings]
    } catch (error) {
      if (signal.aborted) return
      gauges.replace({})
      warnings = [`The system could not be observed: ${(error as Error)?.message ?? error}`]
    }
    this.#warn(
      observed,
      warnings.slice(0, MAX_WARNINGS).map((warning) => redact(warning).slice(0, MAX_WARNING_CHARACTERS)),
    )
  }

  #warn(observed: Observed, warnings: readonly string[]): void {
    const { connector, warnings: before } = observed
    if (JSON.stringify(before) === JSON.stringify(warnings)) return
    const { logger } = this.#system
    for (const warning of warnings) if (!before.includes(warning)) logger.warn({ connector }, warning)
    if (warnings.length === 0) logger.info({ connector }, 'the system of a connector has nothing to warn of any more')
    observed.warnings = warnings
    this.#onWarnings(connector, warnings)
  }
}

/** @throws TypeError that says what is wrong. */
function requireObservation(name: string, found: SystemObservation): void {
  const { metrics, warnings } = found ?? {}
  const isRight =
    typeof metrics === 'object' && metrics !== null && Array.isArray(warnings) && warnings.every((each) => typeof each === 'string')
  if (!isRight) throw new TypeError(`observe of ${name} must return { metrics, warnings }: numbers by their names, and texts`)
}

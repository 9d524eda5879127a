/**
 * The preflight checks of exactly-once sources (KIP-618), with the messages of Kafka Connect: whether worker and connector can do what
 * `exactly.once.support` and `transaction.boundary` ask for. Pure but for what the connector itself does.
 */
import type { ConnectorPlugin } from '../plugins.ts'
import { parseSettings, type SourceSupport } from '../sdk/index.ts'
import type { ConnectorConfig } from '../types.ts'

export interface PreflightError {
  setting: 'exactly.once.support' | 'transaction.boundary'
  message: string
}

const noSupportOfWorker = 'This worker does not have exactly-once source support enabled.'
const unknownSupport =
  'The connector does not implement the API required for preflight validation of exactly-once source support. ' +
  'Please consult the documentation for the connector to determine whether it supports exactly-once semantics, ' +
  'and then consider reconfiguring the connector to use the value "requested" for this property ' +
  '(which will disable this preflight check and allow the connector to be created).'
const noSupport = 'The connector does not support exactly-once semantics with the provided configuration.'
const noBoundaries =
  'The connector does not support connector-defined transaction boundaries with the given configuration. ' +
  'Please reconfigure it to use a different transaction boundary definition.'

const textOf = (config: ConnectorConfig, setting: PreflightError['setting']) => config[setting]?.trim().toLowerCase()

/** `enabled`: whether the worker has exactly-once support. Settings with an error of their own are not asked for: see `validate`. */
export function exactlyOnceErrors(plugin: ConnectorPlugin, config: ConnectorConfig, enabled: boolean): PreflightError[] {
  // A flow writes by itself, and says what it promises.
  if (plugin.kind !== 'source') return []
  const errors: PreflightError[] = []
  if (textOf(config, 'exactly.once.support') === 'required') {
    const add = (message: string) => errors.push({ setting: 'exactly.once.support', message })
    if (!enabled) add(noSupportOfWorker)
    const support = asked(plugin, config, 'exactlyOnceSupport')
    if (support === undefined) add(unknownSupport)
    else if (support !== 'supported') add(support === 'unsupported' ? noSupport : support.failure)
  }
  if (textOf(config, 'transaction.boundary') === 'connector') {
    const support = asked(plugin, config, 'canDefineTransactionBoundaries') ?? 'unsupported'
    if (support !== 'supported')
      errors.push({ setting: 'transaction.boundary', message: support === 'unsupported' ? noBoundaries : support.failure })
  }
  return errors
}

/** What the connector says; undefined where it does not. */
function asked(
  plugin: Extract<ConnectorPlugin, { kind: 'source' }>,
  config: ConnectorConfig,
  question: 'exactlyOnceSupport' | 'canDefineTransactionBoundaries',
): SourceSupport | { failure: string } | undefined {
  if (!plugin.side[question]) return undefined
  try {
    return plugin.side[question](parseSettings(plugin.settings, config))
  } catch (error) {
    const why = (error as Error).message?.trim()
    return {
      failure: `An unexpected error occurred during validation${why ? `: ${why}` : '; please see the worker logs for more details.'}`,
    }
  }
}

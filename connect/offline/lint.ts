/**
 * Finds everything that is wrong with a connector's config, all at once: what a worker would refuse, and settings that nothing would read.
 * Each problem says what to do.
 */
import { ConfigProviderError } from '../../core/config-references/config-provider.ts'
import type { ConnectorConfig } from '../types.ts'
import { ConnectError } from '../types.ts'
import type { OfflineWorker } from './offline-worker.ts'
import { nearest, unknownSettings } from './unknown-settings.ts'

export interface LintProblem {
  /** A worker refuses a config with errors; with warnings it runs. */
  level: 'error' | 'warning'
  /** Null where the problem is no single setting's. */
  setting: string | null
  message: string
  /** What to do; null where the message says it. */
  mend: string | null
}

const error = (setting: string | null, message: string, mend: string | null = null): LintProblem => ({
  level: 'error',
  setting,
  message,
  mend,
})

export async function lint(config: ConnectorConfig, worker: OfflineWorker): Promise<LintProblem[]> {
  if (!config['connector.class'])
    return [error('connector.class', 'connector.class is missing.', `Set it to one of ${classesOf(worker).join(', ')}.`)]
  const plugin = worker.plugins.findConnector(config['connector.class'])
  if (!plugin) return [unknownClass(config['connector.class'], worker)]
  try {
    const infos = await worker.validator.validate(config)
    const known = infos.configs.map(({ definition }) => definition.name)
    const invalid = infos.configs.flatMap(({ value, definition }) => value.errors.map((message) => error(definition.name, message)))
    // A flow reads whatever is under its own prefixes.
    const unread =
      plugin.kind === 'flow'
        ? []
        : unknownSettings(config, [...known, ...aliasesOf(plugin.settings), ...namedSettings(plugin.settings, config)])
    return [...invalid, ...unread.map((unknown) => unreadSetting(unknown))]
  } catch (cause) {
    if (cause instanceof ConnectError || cause instanceof ConfigProviderError) return [error(null, cause.message)]
    throw cause
  }
}

const classesOf = (worker: OfflineWorker): string[] => worker.plugins.connectors.map((plugin) => plugin.class)

function unknownClass(name: string, worker: OfflineWorker): LintProblem {
  const simple = (className: string) => className.slice(className.lastIndexOf('.') + 1)
  const classes = classesOf(worker)
  const meant = nearest(simple(name), classes.map(simple))
  const mend =
    meant === null ? `The connectors are ${classes.join(', ')}.` : `Did you mean ${classes.find((each) => simple(each) === meant)}?`
  return error('connector.class', `There is no connector ${name}.`, mend)
}

function aliasesOf(settings: Readonly<Record<string, { aliases: readonly string[] }>>): string[] {
  return Object.values(settings).flatMap(({ aliases }) => aliases)
}

/** Those of the config whose names have a part that users choose. */
function namedSettings(settings: Readonly<Record<string, { names?: RegExp | undefined }>>, config: ConnectorConfig): string[] {
  const patterns = Object.values(settings).flatMap(({ names }) => names ?? [])
  return Object.keys(config).filter((name) => patterns.some((names) => names.test(name)))
}

function unreadSetting({ setting, meant }: { setting: string; meant: string | null }): LintProblem {
  return {
    level: 'warning',
    setting,
    message: `${setting} is not a setting of this connector: nothing reads it.`,
    mend: meant === null ? 'Remove it.' : `Did you mean ${meant}?`,
  }
}

/**
 * What a thread does with the plugins that it has loaded, besides tasks: it validates a config that names them, and calls a function of a
 * connector.
 */

import type { RemoteCall } from '../../plugins/plugin-description.ts'
import { versionRange } from '../../plugins/version-range.ts'
import type { Plugins } from '../../plugins.ts'
import { parseSettings } from '../../sdk/index.ts'
import type { ConfigInfos } from '../../types.ts'
import { validate } from '../validation.ts'
import type { ValidateCall } from './thread-messages.ts'

export function validateWithPlugins(plugins: Plugins, call: ValidateCall): ConfigInfos {
  const { config, written, defaults, refusals, exactlyOnce, createsTopics } = call
  return validate(plugins, config, defaults, (kind, name) => refusals[`${kind}.override.${name}`], written, exactlyOnce, createsTopics)
}

/** The first argument has the texts of the connector's settings. `signal` is for the functions that take one. */
export async function callPlugin(
  plugins: Plugins,
  { class: name, version, name: own, args }: RemoteCall,
  signal: AbortSignal,
): Promise<unknown> {
  const plugin = plugins.connector(name, versionRange(version))
  const [config, ...rest] = args
  const parsed = parseSettings(plugin.settings, config as Record<string, string | null>)
  const side = plugin.side as unknown as Record<string, (...given: unknown[]) => unknown>
  return await side[own]!(parsed, ...(own === 'checkSystem' || own === 'observe' ? [signal] : []), ...rest)
}

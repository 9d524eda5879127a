/**
 * The version of each plugin that a config asks for (KIP-891): `connector.plugin.version`, `key.converter.plugin.version`,
 * `transforms.<alias>.plugin.version`. Without one it is the newest. It says in Kafka Connect's words which one is not installed.
 */

import { InvalidVersionRange, type VersionRange, versionRange } from '../plugins/version-range.ts'
import type { Plugins } from '../plugins.ts'
import { ConnectError, type ConnectorConfig } from '../types.ts'

export type ConverterKind = 'key' | 'value' | 'header'

/** Why no installed version of the plugin will do; undefined where one does, or where there is no plugin of this name. */
export function versionProblem(plugins: Plugins, name: string, spec: string | undefined): string | undefined {
  let range: VersionRange | null
  try {
    range = versionRange(spec)
  } catch (error) {
    if (error instanceof InvalidVersionRange) return error.message
    throw error
  }
  const versions = plugins.versions(name)
  if (range === null || versions.length === 0 || versions.some(range.contains)) return undefined
  const { class: className } = plugins.plugin(name)!
  return `Plugin ${className} not found that matches the version range ${range.text}, available versions: [${versions.join(', ')}]`
}

/** The range that a setting asks for; any version where what it says is no range, which validation reports. */
export function rangeIn(spec: string | undefined): VersionRange | null {
  try {
    return versionRange(spec)
  } catch (error) {
    if (error instanceof InvalidVersionRange) return null
    throw error
  }
}

/** @throws ConnectError 400 where no installed version will do. */
export function requiredRange(plugins: Plugins, name: string, spec: string | undefined): VersionRange | null {
  const problem = versionProblem(plugins, name, spec)
  if (problem !== undefined) throw new ConnectError(400, problem)
  return versionRange(spec)
}

/** The connector's plugin. @throws ConnectError 400 where there is none of its class and version. */
export function connectorOf(plugins: Plugins, config: ConnectorConfig) {
  const name = config['connector.class'] ?? ''
  return plugins.connector(name, requiredRange(plugins, name, config['connector.plugin.version']))
}

/** The converter of that name, in the version that `config` asks for. */
export const findConverter = (plugins: Plugins, what: ConverterKind, name: string, range: VersionRange | null) =>
  what === 'header' ? plugins.headerConverter(name, range) : plugins.converter(name, range)

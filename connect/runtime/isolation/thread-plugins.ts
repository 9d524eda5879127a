/**
 * The plugins of a thread: the loaded ones, with their code, and all others of the worker by their descriptions, so that names, versions
 * and messages are the same as outside.
 */
import { declarationsOf, type PluginDescription } from '../../plugins/plugin-description.ts'
import { joined, type PluginSet } from '../../plugins/plugin-module.ts'
import { Plugins } from '../../plugins.ts'

export function threadPlugins(descriptions: readonly PluginDescription[], loaded: PluginSet): Plugins {
  const others = declarationsOf(descriptions, async ({ class: name, version }) => {
    throw new Error(`${name} ${version} is not in its module any more: the worker loads what has changed within seconds, try again then`)
  })
  const { connectors, converters, transforms, predicates } = joined(loaded, others)
  return new Plugins(connectors, converters, transforms, predicates)
}

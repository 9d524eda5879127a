/**
 * Plugins besides those of the worker that the contract tests run on: those in test/contract/plugins, or in the folders that
 * TRIBUTARY_CONTRACT_PLUGINS names, as a plugin.path. Their fixtures are the export `fixtures` of their module, by class.
 */
import { join } from 'node:path'
import type { ContractFixtures, SinkFixture, SourceFixture } from '../../connect/contract/index.ts'
import { joined, type PluginSet, pluginsIn } from '../../connect/plugins/plugin-module.ts'
import { readPluginPath } from '../../connect/plugins/plugin-path.ts'
import { realDisk } from '../../core/system/disk.ts'
import type { ConnectorFixture } from './connector-fixture.ts'

export interface ExtraPlugins extends PluginSet {
  /** By the name of the connector. */
  readonly fixtures: ReadonlyMap<string, ConnectorFixture>
}

export async function extraPlugins(): Promise<ExtraPlugins> {
  const folders = process.env.TRIBUTARY_CONTRACT_PLUGINS?.split(',') ?? [join(import.meta.dirname, 'plugins')]
  const { locations, problems } = await readPluginPath(realDisk, folders)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const fixtures = new Map<string, ConnectorFixture>()
  const sets = await Promise.all(
    locations.map(async ({ module, version, path, problem }) => {
      if (module === null) throw new Error(`${path}: ${problem}`)
      const { default: exported, fixtures: given = {} } = (await import(module)) as { default?: unknown; fixtures?: ContractFixtures }
      const set = pluginsIn(exported, { module, version, location: path })
      for (const { name, source, sink } of set.connectors)
        fixtures.set(name, {
          source: given[source?.class ?? ''] as () => Promise<SourceFixture>,
          sink: given[sink?.class ?? ''] as () => Promise<SinkFixture>,
        })
      return set
    }),
  )
  return { ...joined(...sets), fixtures }
}

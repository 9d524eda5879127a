/**
 * `tributary connectors apply`: makes the connectors of a worker those of a folder. All are validated before the first is changed, and a
 * connector that has no change is not touched.
 */
import type { ConfigInfos, ConnectorConfig } from '../../../connect/types.ts'
import { readArguments } from '../../arguments.ts'
import { type ConnectRestClient, restOptions } from '../../connect-rest-client.ts'
import { UserError } from '../../user-error.ts'
import { compareFolder, showChanges, summaryOf } from './folder.ts'
import { defineSubcommand, MAX_FILES, type NamedFile, printJson } from './subcommand.ts'

export default defineSubcommand({
  async run({ args, print }) {
    const parsed = readArguments('connectors', args, { options: [...restOptions], flags: ['json', 'prune'], files: MAX_FILES })
    const { rest, files, changes } = await compareFolder('apply', parsed)
    const byName = new Map(files.map((file) => [file.name, file]))
    const toWrite = changes.filter(({ change }) => change === 'create' || change === 'update').map(({ name }) => byName.get(name)!)
    await validateAll(rest, toWrite)
    const toDelete = changes.filter(({ change }) => change === 'delete').map(({ name }) => name)
    let done = 0
    try {
      for (const { name, config } of toWrite) {
        await rest.request('PUT', `/connectors/${encodeURIComponent(name)}/config`, config)
        done++
      }
      for (const name of toDelete) {
        await rest.request('DELETE', `/connectors/${encodeURIComponent(name)}`)
        done++
      }
    } catch (error) {
      if (!(error instanceof UserError) || done === 0) throw error
      const total = toWrite.length + toDelete.length
      throw new UserError(`${error.message}\nThe first ${done} of ${total} changes are made. Apply again for the others.`, { cause: error })
    }
    if (parsed.flags.has('json')) printJson(print, changes)
    else {
      showChanges(changes, print)
      print(summaryOf(changes, true))
    }
    return 0
  },
})

async function validateAll(rest: ConnectRestClient, files: readonly NamedFile[]): Promise<void> {
  const problems: string[] = []
  for (const { path, config } of files) {
    const infos = await rest.request<ConfigInfos>('PUT', validatePath(config), config)
    problems.push(...infos.configs.flatMap(({ value }) => value.errors).map((message) => `  ${path}: ${message}`))
  }
  if (problems.length > 0) throw new UserError(`Nothing was changed, because the worker would refuse:\n${problems.join('\n')}`)
}

const validatePath = (config: ConnectorConfig): string =>
  `/connector-plugins/${encodeURIComponent(config['connector.class'] ?? '')}/config/validate`

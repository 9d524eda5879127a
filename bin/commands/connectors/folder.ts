/**
 * What `diff` and `apply` share: the connectors of a folder, those of a worker, and what differs.
 */
import { type ConnectorChange, folderDiff, isSecretSetting } from '../../../connect/offline/index.ts'
import { findPlugins } from '../../../connect/plugins.ts'
import type { ConnectorConfig } from '../../../connect/types.ts'
import type { Arguments } from '../../arguments.ts'
import { ConnectRestClient } from '../../connect-rest-client.ts'
import { type NamedFile, readConnectorFiles } from './subcommand.ts'

export interface FolderComparison {
  rest: ConnectRestClient
  files: NamedFile[]
  changes: ConnectorChange[]
}

export async function compareFolder(command: string, { files: paths, options, flags }: Arguments): Promise<FolderComparison> {
  const files = await readConnectorFiles(paths, command)
  const rest = new ConnectRestClient(options)
  const expanded = await rest.request<Record<string, { info: { config: ConnectorConfig } }>>('GET', '/connectors?expand=info')
  const running = new Map(Object.entries(expanded).map(([name, { info }]) => [name, info.config]))
  const plugins = await findPlugins()
  const changes = folderDiff(new Map(files.map(({ name, config }) => [name, config])), running, {
    prune: flags.has('prune'),
    isSecret: (config, setting) => isSecretSetting({ plugins }, config, setting),
  })
  return { rest, files, changes }
}

const signs = { create: '+', update: '~', delete: '-', none: ' ' } as const

export function showChanges(changes: readonly ConnectorChange[], print: (line: string) => void): void {
  for (const { name, change, settings } of changes) {
    print(`${signs[change]} ${name}${change === 'none' ? ': no change' : `: ${change}`}`)
    if (change !== 'update') continue
    for (const { setting, from, to } of settings) {
      if (from !== null) print(`    - ${setting}=${from}`)
      if (to !== null) print(`    + ${setting}=${to}`)
    }
  }
}

export function summaryOf(changes: readonly ConnectorChange[], done: boolean): string {
  const count = (change: ConnectorChange['change']) => changes.filter((each) => each.change === change).length
  const verb = done ? '' : 'to '
  return `${count('create')} ${verb}create${done ? 'd' : ''}, ${count('update')} ${verb}update${done ? 'd' : ''}, ${count('delete')} ${verb}delete${done ? 'd' : ''}, ${count('none')} unchanged.`
}

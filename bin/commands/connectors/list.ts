/**
 * `tributary connectors list`: the connectors of a worker with their states, and the first line of why a task has failed.
 */
import type { ConnectorInfo, ConnectorStatus } from '../../../connect/types.ts'
import { readArguments } from '../../arguments.ts'
import { ConnectRestClient, restOptions } from '../../connect-rest-client.ts'
import { defineSubcommand, printJson } from './subcommand.ts'

export default defineSubcommand({
  async run({ args, print }) {
    const { options, flags } = readArguments('connectors', args, { options: [...restOptions], flags: ['json'], files: 0 })
    const rest = new ConnectRestClient(options)
    const expanded = await rest.request<Record<string, { info: ConnectorInfo; status: ConnectorStatus }>>(
      'GET',
      '/connectors?expand=info&expand=status',
    )
    const connectors = Object.entries(expanded).sort(([a], [b]) => (a < b ? -1 : 1))
    const hasFailed = connectors.some(([, { status }]) => [status.connector, ...status.tasks].some(({ state }) => state === 'FAILED'))
    if (flags.has('json'))
      printJson(
        print,
        connectors.map(([, { status }]) => status),
      )
    else if (connectors.length === 0) print(`${rest.url} has no connectors.`)
    else for (const [name, { status }] of connectors) show(name, status, print)
    return hasFailed ? 1 : 0
  },
})

function show(name: string, { type, connector, tasks }: ConnectorStatus, print: (line: string) => void): void {
  const running = tasks.filter(({ state }) => state === 'RUNNING').length
  print(`${name.padEnd(32)} ${type.padEnd(7)} ${connector.state.padEnd(10)} ${running} of ${tasks.length} tasks run`)
  if (connector.trace !== undefined) print(`    ${firstLine(connector.trace)}`)
  for (const { id, state, worker_id: worker, trace } of tasks)
    if (state === 'FAILED') print(`    task ${id} on ${worker} FAILED: ${firstLine(trace ?? '')}`)
}

const firstLine = (trace: string): string => trace.split('\n', 1)[0]!

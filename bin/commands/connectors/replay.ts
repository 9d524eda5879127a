/**
 * `tributary connectors replay NAME`: processes dead letters again, those of a group, those at given places, or all, a part after the
 * other. Exit code 1 where some have failed again.
 */
import type { ReplayReport, ReplayRequest } from '../../../connect/types.ts'
import { readArguments } from '../../arguments.ts'
import { ConnectRestClient, restOptions } from '../../connect-rest-client.ts'
import { wrongUsage } from '../../user-error.ts'
import { connectorName, defineSubcommand, printJson } from './subcommand.ts'

function letterAt(text: string): { partition: number; offset: number } {
  const found = /^(\d{1,9})@(\d{1,15})$/.exec(text)
  if (!found) throw wrongUsage(`--letter needs PARTITION@OFFSET of the dead-letter queue, not "${text}".`, 'connectors')
  return { partition: Number(found[1]), offset: Number(found[2]) }
}

export default defineSubcommand({
  async run({ args, print }) {
    const known = { options: [...restOptions, 'group'], lists: ['letter'], flags: ['all', 'json'], files: 1 }
    const { files, options, lists, flags } = readArguments('connectors', args, known)
    const name = connectorName(files, 'replay')
    const { group } = options
    const { letter } = lists
    if ([group !== undefined, letter !== undefined, flags.has('all')].filter(Boolean).length !== 1)
      throw wrongUsage('connectors replay needs one of --group ID, --letter PARTITION@OFFSET and --all.', 'connectors')
    const chosen: ReplayRequest = group !== undefined ? { group } : letter ? { letters: letter.map(letterAt) } : { all: true }
    const rest = new ConnectRestClient(options)
    const total = { chosen: 0, already_replayed: 0, delivered: 0, failed: 0 }
    for (let since: string | null = null; ; ) {
      const body: ReplayRequest = since === null ? chosen : { ...chosen, since }
      const report = await rest.request<ReplayReport>('POST', `/connectors/${encodeURIComponent(name)}/dead-letters/replay`, body)
      for (const count of ['chosen', 'already_replayed', 'delivered', 'failed'] as const) total[count] += report[count]
      since = report.next
      if (since === null) break
    }
    if (flags.has('json')) printJson(print, total)
    else
      print(
        `${total.chosen} letters: ${total.delivered} delivered, ${total.failed} failed again, ${total.already_replayed} were replayed before.`,
      )
    return total.failed > 0 ? 1 : 0
  },
})

/**
 * `tributary connectors diff`: what `apply` would change on a worker.
 */
import { readArguments } from '../../arguments.ts'
import { restOptions } from '../../connect-rest-client.ts'
import { compareFolder, showChanges, summaryOf } from './folder.ts'
import { defineSubcommand, MAX_FILES, printJson } from './subcommand.ts'

export default defineSubcommand({
  async run({ args, print }) {
    const parsed = readArguments('connectors', args, { options: [...restOptions], flags: ['json', 'prune'], files: MAX_FILES })
    const { changes } = await compareFolder('diff', parsed)
    if (parsed.flags.has('json')) printJson(print, changes)
    else {
      showChanges(changes, print)
      print(summaryOf(changes, false))
    }
    return changes.some(({ change }) => change !== 'none') ? 1 : 0
  },
})

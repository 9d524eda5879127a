/**
 * `tributary connectors`: the commands for the people who write and run connectors. Each is a file in connectors/, loaded when it is
 * called.
 */
import { defineCommand } from '../command.ts'
import { restOptionsHelp } from '../connect-rest-client.ts'
import { wrongUsage } from '../user-error.ts'
import type { Subcommand } from './connectors/subcommand.ts'

const subcommands: Readonly<Record<string, () => Promise<{ default: Subcommand }>>> = {
  new: () => import('./connectors/new.ts'),
  check: () => import('./connectors/check.ts'),
  hook: () => import('./connectors/hook.ts'),
  list: () => import('./connectors/list.ts'),
  lint: () => import('./connectors/lint.ts'),
  test: () => import('./connectors/test.ts'),
  'dry-run': () => import('./connectors/dry-run.ts'),
  diff: () => import('./connectors/diff.ts'),
  apply: () => import('./connectors/apply.ts'),
  'dead-letters': () => import('./connectors/dead-letters.ts'),
  replay: () => import('./connectors/replay.ts'),
}

const names = Object.keys(subcommands)

export default defineCommand({
  summary: 'Write plugins; check, try, compare and apply connector files',
  help: `Usage: tributary connectors new       NAME [--into FOLDER] [--kind connector|source|sink|transform|converter]
       tributary connectors check     FOLDER|MODULE... [--strict] [--json]
       tributary connectors hook
       tributary connectors list      [--url URL] [--json]
       tributary connectors lint      FILE...        [--worker FILE] [--plugin-path FOLDERS] [--strict] [--json]
       tributary connectors test      FILE...        [--timeout SECONDS] [--worker FILE] [--plugin-path FOLDERS] [--json]
       tributary connectors dry-run   FILE [--records N] [--timeout SECONDS] [--input FILE] [--worker FILE] [--plugin-path FOLDERS] [--json]
       tributary connectors diff      FOLDER|FILE... [--prune] [--url URL] [--json]
       tributary connectors apply     FOLDER|FILE... [--prune] [--url URL] [--json]
       tributary connectors dead-letters NAME [--since CURSOR] [--limit N] [--url URL] [--json]
       tributary connectors replay    NAME --group ID|--letter PARTITION@OFFSET...|--all [--url URL] [--json]

A FILE is a connector's: JSON as for POST /connectors or its config alone, or .properties.

  new        writes the package of a new plugin that works, with its tests; docs/CONNECTORS.md says how to go on
  check      whether plugins keep the contract of their kinds; each package or module runs in a thread
  hook       the file for node --import, by which the tests of a plugin find tributary/connect/sdk and tributary/connect/contract
  list       the connectors of a worker, with their states and why tasks have failed
  lint       everything that is wrong with the files, at once, and how to mend it; needs no worker
  test       runs the cases beside each file (orders.json: orders.test.json) through its converters and transforms
  dry-run    reads some records and shows what the converters and transforms make of them; sends and writes nothing, and registers no schema
  diff       what apply would change; exit code 1 where something would
  apply      creates and updates the connectors of the files on a worker, after it has validated all of them
  dead-letters  the records that a connector could not process, by their reason
  replay     processes dead letters again after a mend, each once

  --worker FILE        the file of the worker that will run the connectors: its default converters and its config.providers count
  --plugin-path FOLDERS  folders with plugins, besides the plugin.path of that file
  --into FOLDER        new: where the folder of the package is made (default .)
  --kind KIND          new: connector (default) has a source and a sink
  --records N          how many records dry-run reads (default 10)
  --timeout SECONDS    how long dry-run waits for them (default 10), and test for a schema registry (default 60)
  --input FILE         records for dry-run, a JSON object a line, instead of those of the connector's system
  --strict             lint: warnings count as errors; check: what could not be checked does
  --prune              diff, apply: connectors that the files have not are deleted
  --json               the same for scripts
${restOptionsHelp}

Exit codes: 0 all is well, 1 something is wrong or differs, 2 wrong usage.`,
  endsByItself: true,
  async run(context) {
    const [name, ...args] = context.args
    const load = name !== undefined && Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
    if (load === undefined)
      throw wrongUsage(`connectors needs one of ${names.join(', ')}${name === undefined ? '' : `, not "${name}"`}.`, 'connectors')
    return await (await load()).default.run({ ...context, args })
  },
})

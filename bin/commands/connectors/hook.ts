/**
 * `tributary connectors hook`: the file for `node --import`, by which the tests of a plugin find this program's SDK and contract without an
 * installation.
 */
import { PLUGIN_IMPORTS_FILE } from '../../../connect/plugins/plugin-imports.ts'
import { readArguments } from '../../arguments.ts'
import { defineSubcommand } from './subcommand.ts'

export default defineSubcommand({
  async run({ args, print }) {
    readArguments('connectors', args, { files: 0 })
    print(PLUGIN_IMPORTS_FILE)
    return 0
  },
})

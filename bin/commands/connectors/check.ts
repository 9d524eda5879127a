/**
 * `tributary connectors check`: whether plugins keep the contract of their kinds, as those of this project do. Each package or module runs
 * in a thread; nothing needs to be installed.
 */
import { resolve } from 'node:path'
import { type ContractResult, checkContract } from '../../../connect/offline/index.ts'
import { readArguments } from '../../arguments.ts'
import { UserError, wrongUsage } from '../../user-error.ts'
import { defineSubcommand, MAX_FILES, printJson } from './subcommand.ts'

export default defineSubcommand({
  async run({ args, system, print, stopping }) {
    const { files, flags } = readArguments('connectors', args, { flags: ['json', 'strict'], files: MAX_FILES })
    if (files.length === 0) throw wrongUsage('connectors check needs the folder of a plugin, or its module.', 'connectors')
    const results: ContractResult[] = []
    for (const file of files) {
      const path = resolve(file)
      if (!system.disk.exists(path)) throw new UserError(`${file} does not exist: name the folder of a plugin, or its module.`)
      const found = await checkContract(path, system, stopping)
      if (found.length === 0) throw new UserError(`${file} has no plugins: no package.json and no module.`)
      results.push(...found)
    }
    if (flags.has('json')) printJson(print, results)
    else show(results, print)
    const plugins = results.flatMap((result) => result.plugins)
    const isWrong =
      results.some(({ problem }) => problem !== null) ||
      plugins.some(({ failed, notChecked }) => failed.length > 0 || (flags.has('strict') && notChecked !== null))
    return isWrong ? 1 : 0
  },
})

function show(results: readonly ContractResult[], print: (line: string) => void): void {
  for (const { path, plugins, problem } of results) {
    print(path)
    if (problem !== null) print(`  FAILED  ${problem}`)
    for (const { class: name, kind, passed, failed, notChecked } of plugins) {
      print(`  ${name} (${kind}): ${passed} passed, ${failed.length} failed`)
      for (const { check, message } of failed) print(`    FAILED  ${check}\n            ${message.replaceAll('\n', '\n            ')}`)
      if (notChecked !== null) print(`    NOT CHECKED  ${notChecked}`)
    }
  }
}

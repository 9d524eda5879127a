/**
 * `tributary connectors lint`: everything that is wrong with connector files, at once; a file that cannot be read is one of the problems.
 */
import { type LintProblem, lint } from '../../../connect/offline/index.ts'
import { readArguments } from '../../arguments.ts'
import { explain } from '../../user-error.ts'
import { defineSubcommand, MAX_FILES, offlineWorker, printJson, readUsableFiles, type UnusableFile, workerOptions } from './subcommand.ts'

export default defineSubcommand({
  async run({ args, system, print }) {
    const parsed = readArguments('connectors', args, { options: [...workerOptions], flags: ['json', 'strict'], files: MAX_FILES })
    const { files, unusable } = await readUsableFiles(parsed.files, 'lint')
    const worker = await offlineWorker(parsed, system)
    try {
      const linted = await Promise.all(files.map(async ({ path, name, config }) => ({ path, name, problems: await lint(config, worker) })))
      const results: LintedFile[] = [...linted, ...unusable.map(ofUnusable)]
      if (parsed.flags.has('json')) printJson(print, results)
      else for (const { path, problems } of results) show(path, problems, print)
      const all = results.flatMap(({ problems }) => problems)
      return all.some(({ level }) => level === 'error' || parsed.flags.has('strict')) ? 1 : 0
    } finally {
      await worker.close()
    }
  },
})

interface LintedFile {
  path: string
  /** Null where the file cannot be read. */
  name: string | null
  problems: readonly LintProblem[]
}

const ofUnusable = ({ path, reason }: UnusableFile): LintedFile => ({
  path,
  name: null,
  problems: [{ level: 'error', setting: null, message: explain(reason), mend: null }],
})

function show(path: string, problems: readonly LintProblem[], print: (line: string) => void): void {
  if (problems.length === 0) {
    print(`${path}: no problems`)
    return
  }
  const [errors, warnings] = (['error', 'warning'] as const).map((level) => problems.filter((problem) => problem.level === level).length)
  print(`${path}: ${errors} error${errors === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}`)
  for (const { level, setting, message, mend } of problems) {
    const where = setting !== null && !message.includes(setting) ? `${setting}: ` : ''
    print(`  ${level.padEnd(7)}  ${where}${message}${mend === null ? '' : ` ${mend}`}`)
  }
}

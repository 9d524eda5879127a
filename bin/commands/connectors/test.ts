/**
 * `tributary connectors test`: runs the cases beside a connector's file through its converters and transforms. No worker and no cluster is
 * needed. A schema registry that does not answer ends it after a time.
 */
import { readFile } from 'node:fs/promises'
import {
  InvalidTestFile,
  type OfflineWorker,
  openRehearsal,
  RehearsalEnded,
  readTestCases,
  runTestCase,
  stringify,
  type TestResult,
} from '../../../connect/offline/index.ts'
import { readArguments } from '../../arguments.ts'
import { UserError } from '../../user-error.ts'
import {
  defineSubcommand,
  MAX_FILES,
  MAX_TIMEOUT_S,
  type NamedFile,
  numberOption,
  offlineWorker,
  printJson,
  readConnectorFiles,
  workerOptions,
} from './subcommand.ts'

/** Of all cases together. */
const DEFAULT_TIMEOUT_S = 60

export default defineSubcommand({
  async run({ args, system, print, stopping }) {
    const parsed = readArguments('connectors', args, { options: ['timeout', ...workerOptions], flags: ['json'], files: MAX_FILES })
    const timeoutMs = numberOption(parsed, 'timeout', DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S) * 1000
    const files = await readConnectorFiles(parsed.files, 'test')
    const worker = await offlineWorker(parsed, system)
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)])
    try {
      const results: { path: string; cases: TestResult[] }[] = []
      for (const file of files) {
        const cases = await runFile(file, worker, signal)
        if (cases !== null) results.push({ path: casesOf(file.path), cases })
        else if (!parsed.flags.has('json')) print(`${file.path}: no ${casesOf(file.path)}`)
      }
      if (results.length === 0) throw new UserError(`None of the connectors has cases. Write them to ${casesOf(files[0]!.path)}.`)
      if (parsed.flags.has('json')) printJson(print, results)
      else for (const result of results) show(result, print)
      return results.some(({ cases }) => cases.some(({ passed }) => !passed)) ? 1 : 0
    } finally {
      await worker.close()
    }
  },
})

/** `orders.json` and `orders.properties` have their cases in `orders.test.json`. */
const casesOf = (path: string): string => path.replace(/(\.\w+)?$/, '.test.json')

/** Null where the connector has no cases. */
async function runFile({ path, config }: NamedFile, worker: OfflineWorker, signal: AbortSignal): Promise<TestResult[] | null> {
  const text = await readFile(casesOf(path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  const { config: resolved } = await worker.validator.resolve(config)
  const { type } = worker.plugins.connector(resolved['connector.class'] ?? '')
  const rehearsal = openRehearsal(resolved, worker, signal)
  try {
    const results: TestResult[] = []
    for (const each of readTestCases(text)) results.push(await runTestCase(rehearsal, type, each))
    return results
  } catch (cause) {
    if (cause instanceof RehearsalEnded) throw new UserError(`${casesOf(path)}: ${cause.message}`, { cause })
    if (cause instanceof InvalidTestFile) throw new UserError(`${casesOf(path)}: ${cause.message}.`, { cause })
    throw cause
  }
}

function show({ path, cases }: { path: string; cases: TestResult[] }, print: (line: string) => void): void {
  const failed = cases.filter(({ passed }) => !passed).length
  print(`${path}: ${cases.length - failed} passed, ${failed} failed`)
  for (const { name, passed, problems, rehearsed } of cases) {
    print(`  ${passed ? 'passed' : 'FAILED'}  ${name}`)
    for (const problem of problems) print(`            ${problem}`)
    if (!passed && rehearsed.output !== null) print(`            got ${stringify(rehearsed.output)}`)
  }
}

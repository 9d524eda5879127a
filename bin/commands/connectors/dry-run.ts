/**
 * `tributary connectors dry-run`: what the converters and transforms of a connector make of some records, from its system, its topics, or a
 * file. Nothing is sent or written.
 */
import { readFile } from 'node:fs/promises'
import {
  dryRun,
  NoDryRun,
  type OfflineWorker,
  openRehearsal,
  RehearsalEnded,
  type Rehearsed,
  readConnectRecord,
  readKafkaRecord,
  type ShownRecord,
  stringify,
} from '../../../connect/offline/index.ts'
import type { ConnectorConfig } from '../../../connect/types.ts'
import { readArguments } from '../../arguments.ts'
import { UserError } from '../../user-error.ts'
import { defineSubcommand, MAX_TIMEOUT_S, numberOption, offlineWorker, printJson, readConnectorFiles, workerOptions } from './subcommand.ts'

const DEFAULT_RECORDS = 10
const MAX_RECORDS = 100_000
const DEFAULT_TIMEOUT_S = 10

export default defineSubcommand({
  async run({ args, system, print, stopping }) {
    const parsed = readArguments('connectors', args, {
      options: ['records', 'timeout', 'input', ...workerOptions],
      flags: ['json'],
      files: 1,
    })
    const [file] = await readConnectorFiles(parsed.files, 'dry-run')
    const records = numberOption(parsed, 'records', DEFAULT_RECORDS, MAX_RECORDS)
    const timeoutMs = numberOption(parsed, 'timeout', DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S) * 1000
    const worker = await offlineWorker(parsed, system)
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)])
    const shown: Rehearsed[] = []
    try {
      const run =
        parsed.options.input === undefined
          ? dryRun(file!.config, worker, { records, signal })
          : ofInput(parsed.options.input, file!.config, worker, records, signal)
      for await (const rehearsed of run) {
        if (!parsed.flags.has('json')) show(shown.length + 1, rehearsed, print)
        shown.push(rehearsed)
      }
    } catch (error) {
      if (error instanceof NoDryRun || error instanceof RehearsalEnded) throw new UserError(error.message)
      throw error
    } finally {
      await worker.close()
    }
    if (parsed.flags.has('json')) printJson(print, shown)
    else print(summary(shown, signal.aborted && !stopping.aborted ? timeoutMs : null))
    return shown.some(({ error }) => error !== undefined) ? 1 : 0
  },
})

/** The records of a file, one JSON value a line. */
async function* ofInput(
  path: string,
  config: ConnectorConfig,
  worker: OfflineWorker,
  records: number,
  signal: AbortSignal,
): AsyncGenerator<Rehearsed> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.trim() !== '')
  const { config: resolved } = await worker.validator.resolve(config)
  const { type } = worker.plugins.connector(resolved['connector.class'] ?? '')
  const rehearsal = openRehearsal(resolved, worker, signal)
  for (const [index, line] of lines.slice(0, records).entries()) {
    let record: ShownRecord
    try {
      record = JSON.parse(line) as ShownRecord
    } catch (cause) {
      throw new UserError(`${path}: line ${index + 1} is not a record as JSON.`, { cause })
    }
    yield await (type === 'source' ? rehearsal.source(readConnectRecord(record)) : rehearsal.sink(readKafkaRecord(record)))
  }
}

function show(number: number, { input, output, droppedBy, error }: Rehearsed, print: (line: string) => void): void {
  print(`record ${number}`)
  print(`  in   ${stringify(input)}`)
  if (error !== undefined) print(`  FAILS in ${error.class} (${error.stage}): ${error.message}`)
  else if (output === null) print(`  dropped by ${droppedBy}`)
  else print(`  out  ${stringify(output)}`)
}

function summary(shown: readonly Rehearsed[], timeoutMs: number | null): string {
  const failed = shown.filter(({ error }) => error !== undefined).length
  const dropped = shown.filter(({ error, output }) => error === undefined && output === null).length
  const waited = timeoutMs === null ? '' : `; no more came within ${timeoutMs / 1000} s`
  return `${shown.length} records: ${shown.length - failed - dropped} pass, ${dropped} dropped, ${failed} fail${waited}. Nothing was sent or written.`
}

/**
 * The settings of signals, of the incremental snapshots that
 * they ask for, and of notifications, by Debezium's names.
 */
import { type SettingProblem, setting } from '../../connect/sdk/index.ts'

/** Parts with dots and the like are in double quotes. */
const TABLE_NAME = /^\s*("(?:[^"]|"")+"|[^."][^.]*)\.("(?:[^"]|"")+"|[^."][^.]*?)\s*$/
const UNUSABLE_CHANNELS: Readonly<Record<string, string>> = {
  kafka: 'a source connector reads no topics here: use source (a table) or file',
  jmx: 'there is no JMX: use source (a table) or file',
}

export const signalSettings = {
  'signal.enabled.channels': setting.list({
    doc: "Where signals come from: 'source' is the table signal.data.collection, 'file' the file signal.file",
    default: ['source'],
    group: 'Signals',
    check(channels) {
      const wrong = channels.find((channel) => !['source', 'file'].includes(channel))
      if (wrong === undefined) return undefined
      return `The channel ${wrong} is not supported: ${UNUSABLE_CHANNELS[wrong] ?? 'it is unknown; use source or file'}`
    },
  }),
  'signal.data.collection': setting.string({
    doc: 'The table of signals (schema.table, parts with dots in double quotes) with the columns id, type and data. Its changes have to be in the publication.',
    default: null,
    group: 'Signals',
    check: (table) => (TABLE_NAME.test(table) ? undefined : `"${table}" is not of the form schema.table`),
  }),
  'signal.file': setting.string({
    doc: 'The file of the channel file: a signal in JSON on each line, with id, type and data. It is emptied when it has been read.',
    default: 'file-signals.txt',
    group: 'Signals',
  }),
  'signal.poll.interval.ms': setting.long({ doc: 'How often the file of signals is read', default: 5_000, group: 'Signals', least: 1 }),
  'read.only': setting.boolean({
    doc: 'Whether incremental snapshots mark their windows by places of the log instead of rows in the table of signals',
    default: false,
    group: 'Signals',
  }),
  'incremental.snapshot.chunk.size': setting.int({
    doc: 'How many rows a chunk of an incremental snapshot has; they are kept in memory until its window closes',
    default: 1024,
    group: 'Signals',
    least: 1,
  }),
  'incremental.snapshot.watermarking.strategy': setting.oneOf(['insert_insert', 'insert_delete'], {
    doc: "How a window is marked in the table of signals: 'insert_insert' with a row when it opens and another when it closes, 'insert_delete' with one that is deleted when it closes",
    default: 'insert_insert',
    group: 'Signals',
  }),
  'notification.enabled.channels': setting.list({
    doc: "Where notifications about snapshots go: 'sink' is the topic notification.sink.topic.name, 'log' the log",
    default: [],
    group: 'Signals',
    check(channels) {
      const wrong = channels.find((channel) => !['sink', 'log'].includes(channel))
      return wrong === undefined ? undefined : `The channel ${wrong} is not supported; use sink or log`
    },
  }),
  'notification.sink.topic.name': setting.string({ doc: 'The topic of notifications', default: null, group: 'Signals' }),
}

const unquoted = (part: string): string => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part)

/** The table of signals; null where there is none. */
export function signalTable(config: Pick<SignalConfig, 'signal.data.collection'>): { schema: string; name: string } | null {
  const [, schema, name] = TABLE_NAME.exec(config['signal.data.collection'] ?? '') ?? []
  return schema && name ? { schema: unquoted(schema), name: unquoted(name) } : null
}

export function isSignalTable(
  table: { readonly schema: string; readonly name: string },
  config: Pick<SignalConfig, 'signal.data.collection'>,
): boolean {
  const signals = signalTable(config)
  return table.schema === signals?.schema && table.name === signals.name
}

interface SignalConfig {
  readonly 'signal.enabled.channels': readonly string[]
  readonly 'signal.data.collection': string | null
  readonly 'read.only': boolean
  readonly 'notification.enabled.channels': readonly string[]
  readonly 'notification.sink.topic.name': string | null
}

/** Problems of several settings together. */
export function signalProblems(config: SignalConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  if (config['notification.enabled.channels'].includes('sink') && !config['notification.sink.topic.name'])
    problems.push({
      setting: 'notification.sink.topic.name',
      why: 'It must be set, since notification.enabled.channels has the channel sink',
    })
  if (config['signal.enabled.channels'].includes('file') && !config['signal.data.collection'] && !config['read.only'])
    problems.push({
      setting: 'signal.data.collection',
      why: 'Incremental snapshots write their marks to this table: set it, or read.only=true',
    })
  return problems
}

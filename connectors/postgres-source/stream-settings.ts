/**
 * The settings of the slot, the publication and the stream of changes, by Debezium's names, with what becomes of events, errors and memory.
 * Combinations that cannot work are problems.
 */
import { type ConfigOf, namesIn, type SettingProblem, setting } from '../../connect/sdk/index.ts'

/** A slot's name as Postgres takes it. */
const SLOT_NAME = /^[a-z0-9_]{1,63}$/

/** Options of pgoutput that make messages of other kinds. */
const UNREADABLE = /(?:^|;)\s*(?:binary|streaming|two_phase)\s*=(?!\s*(?:off|false|0|no)\s*(?:;|$))/i

const OPERATIONS = ['c', 'u', 'd', 't', 'none']
const IDENTITY = /^[^:]+:(DEFAULT|FULL|NOTHING|INDEX\s+.+)$/i

const list = (doc: string, check?: (names: readonly string[]) => string | undefined) =>
  setting.list({ doc, default: [], group: 'Stream', ...(check ? { check } : {}) })

export const streamSettings = {
  'plugin.name': setting.oneOf(['pgoutput', 'decoderbufs'], {
    doc: "The plug-in for logical decoding: 'pgoutput', which every Postgres has. Others are refused.",
    default: 'pgoutput',
    group: 'Stream',
    check: (plugin) => (plugin === 'pgoutput' ? undefined : 'Only pgoutput is supported; set plugin.name=pgoutput and another slot.name'),
  }),
  'slot.name': setting.string({
    doc: 'The replication slot; one for each connector',
    default: 'debezium',
    group: 'Stream',
    check: (name) => (SLOT_NAME.test(name) ? undefined : 'A slot is named by up to 63 lower-case letters, digits and underscores'),
  }),
  'slot.drop.on.stop': setting.boolean({
    doc: 'Whether the slot is dropped when the task stops. Changes made while it is stopped are lost then: for tests only.',
    default: false,
    group: 'Stream',
  }),
  'slot.failover': setting.boolean({
    doc: 'Whether a new slot is synchronised to standbys, from Postgres 17 on',
    default: false,
    group: 'Stream',
  }),
  'slot.stream.params': setting.string({
    doc: 'Further options of START_REPLICATION, as name=value;name=value',
    default: null,
    importance: 'LOW',
    group: 'Stream',
    check: (text) =>
      UNREADABLE.test(text) ? 'binary, streaming and two_phase cannot be on: texts of committed transactions are read' : undefined,
  }),
  'slot.max.retries': setting.int({
    doc: 'How often a slot that another connection uses is tried again before the task fails',
    default: 6,
    importance: 'LOW',
    group: 'Stream',
    least: 0,
  }),
  'slot.retry.delay.ms': setting.int({
    doc: 'The delay before a slot that is in use is tried again',
    default: 10_000,
    importance: 'LOW',
    group: 'Stream',
    least: 0,
  }),
  'publication.name': setting.string({
    doc: 'The publication to read',
    default: 'dbz_publication',
    group: 'Stream',
    check: (name) => (name === '' ? 'String must be non-empty' : undefined),
  }),
  'publication.autocreate.mode': setting.oneOf(['all_tables', 'disabled', 'filtered', 'no_tables'], {
    doc: "What becomes of a publication: 'all_tables' creates one of all tables, 'filtered' creates or alters one of the captured tables, 'no_tables' creates an empty one, 'disabled' needs one that exists",
    default: 'all_tables',
    group: 'Stream',
  }),
  'publish.via.partition.root': setting.boolean({
    doc: 'Whether changes of partitions go to the topic of the partitioned table, where the connector creates the publication',
    default: false,
    group: 'Stream',
  }),
  'replica.identity.autoset.values': list(
    'Replica identities to set at the start: schema.table:FULL, with a regular expression for the table, or DEFAULT, NOTHING, INDEX name',
    (values) => {
      const wrong = values.find((value) => !IDENTITY.test(value))
      return wrong === undefined ? undefined : `"${wrong}" is not of the form schema.table:FULL, DEFAULT, NOTHING or INDEX name`
    },
  ),
  'lsn.flush.mode': setting.oneOf(['manual', 'connector', 'connector_and_driver'], {
    doc: "What is confirmed to the slot: 'connector' positions that are stored, 'connector_and_driver' also what the server reports while nothing is captured, 'manual' nothing",
    default: 'connector',
    group: 'Stream',
  }),
  'flush.lsn.source': setting.boolean({
    doc: "Debezium's former name: false is lsn.flush.mode=manual",
    default: true,
    importance: 'LOW',
    group: 'Stream',
  }),
  'offset.mismatch.strategy': setting.oneOf(['no_validation', 'trust_offset', 'trust_slot', 'trust_greater_lsn'], {
    doc: "What counts where the stored position and the slot differ: 'no_validation' the position, and a lost range is an error; 'trust_offset' the same, and the slot is moved to the position; 'trust_slot' the slot; 'trust_greater_lsn' the later one",
    default: 'no_validation',
    group: 'Stream',
  }),
  'status.update.interval.ms': setting.int({
    doc: 'How often the position is confirmed to the server, at least',
    default: 10_000,
    group: 'Stream',
    least: 1,
  }),
  'xmin.fetch.interval.ms': setting.int({
    doc: "How often the slot's xmin is read for `source.xmin`; 0 is never",
    default: 0,
    importance: 'LOW',
    group: 'Stream',
    least: 0,
  }),
  'tombstones.on.delete': setting.boolean({
    doc: 'Whether a record without a value follows each delete, for compacted topics',
    default: true,
    group: 'Events',
  }),
  'skipped.operations': setting.list({
    doc: 'Operations without records: c, u, d, t, or none',
    default: ['t'],
    group: 'Events',
    check(values) {
      const wrong = values.find((value) => !OPERATIONS.includes(value.toLowerCase()))
      return wrong === undefined ? undefined : `"${wrong}" is none of ${OPERATIONS.join(', ')}`
    },
  }),
  'skip.messages.without.change': setting.boolean({
    doc: 'Whether updates that change no captured column make no record; it needs REPLICA IDENTITY FULL',
    default: false,
    group: 'Events',
  }),
  'extended.headers.enabled': setting.boolean({
    doc: 'Whether records have the headers `__debezium.context.*`: connector, task and run',
    default: true,
    group: 'Events',
  }),
  'provide.transaction.metadata': setting.boolean({
    doc: 'Whether records name their transaction, and its begin and end are records of a topic of their own',
    default: false,
    group: 'Events',
  }),
  'topic.transaction': setting.string({
    doc: 'The name of the topic of transactions, after `<topic.prefix>.`',
    default: 'transaction',
    importance: 'LOW',
    group: 'Events',
  }),
  'heartbeat.interval.ms': setting.int({
    doc: 'How often a record goes to the heartbeat topic; 0 is never',
    default: 0,
    group: 'Events',
    aliases: ['heartbeat.interval'],
    least: 0,
  }),
  'topic.heartbeat.prefix': setting.string({
    doc: 'The heartbeat topic is this and `.<topic.prefix>`',
    default: '__debezium-heartbeat',
    importance: 'LOW',
    group: 'Events',
    aliases: ['heartbeat.topics.prefix'],
  }),
  'heartbeat.action.query': setting.string({
    doc: 'SQL to run with each heartbeat, such as an update of a table of this database: so that an idle one moves its slot',
    default: null,
    group: 'Events',
  }),
  'message.prefix.include.list': list(
    'The prefixes of logical decoding messages to capture, as regular expressions; all where it is empty',
  ),
  'message.prefix.exclude.list': list('The prefixes of logical decoding messages not to capture, as regular expressions'),
  'event.processing.failure.handling.mode': setting.oneOf(['fail', 'warn', 'skip', 'ignore'], {
    doc: "What happens to a change that cannot become a record: 'fail' fails the task, 'warn' logs and skips it, 'skip' and 'ignore' skip it",
    default: 'fail',
    group: 'Errors',
  }),
  'errors.max.retries': setting.int({
    doc: 'How often the task connects again after errors that may pass; -1 is without limit',
    default: -1,
    group: 'Errors',
    least: -1,
  }),
  'retriable.restart.connector.wait.ms': setting.int({
    doc: 'The delay before the task connects again',
    default: 10_000,
    importance: 'LOW',
    group: 'Errors',
    least: 0,
  }),
  'guardrail.collections.max': setting.int({
    doc: 'How many tables may be captured; 0 is without limit',
    default: 0,
    group: 'Limits',
    least: 0,
  }),
  'guardrail.collections.limit.action': setting.oneOf(['warn', 'fail'], {
    doc: "What happens where more are captured: 'warn' logs it, 'fail' fails the task",
    default: 'warn',
    group: 'Limits',
  }),
  'max.batch.size': setting.int({ doc: 'The most records of one batch', default: 2048, group: 'Limits', least: 1 }),
  'max.queue.size': setting.int({
    doc: 'The size of a queue that this connector does not have: changes wait as bytes (max.queue.size.in.bytes). It must be larger than max.batch.size.',
    default: 8192,
    group: 'Limits',
    least: 1,
  }),
  'max.queue.size.in.bytes': setting.long({
    doc: 'How many bytes of changes may wait; 0 is 16 MiB',
    default: 0,
    group: 'Limits',
    least: 0,
  }),
  'poll.interval.ms': setting.long({
    doc: 'How long at most the task waits for changes before it looks at signals and heartbeats. Changes never wait.',
    default: 500,
    group: 'Limits',
    least: 1,
  }),
}

/** The operations that make no records. */
export const skippedOperations = (values: readonly string[]): ReadonlySet<string> =>
  new Set(namesIn(values.join(',')).map((value) => value.toLowerCase()))

type StreamConfig = ConfigOf<typeof streamSettings>

export function streamProblems(config: StreamConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  if (config['max.queue.size'] <= config['max.batch.size'])
    problems.push({ setting: 'max.queue.size', why: `It must be larger than max.batch.size, which is ${config['max.batch.size']}` })
  if (config['message.prefix.include.list'].length > 0 && config['message.prefix.exclude.list'].length > 0)
    problems.push({ setting: 'message.prefix.exclude.list', why: 'message.prefix.include.list is set: only one of the two may be' })
  return problems
}

/**
 * The settings of what is captured and of what it becomes: filters, names, types and columns, by Debezium's names. Lists of regular
 * expressions are checked here, so that none fails a task that has started.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { hashAlgorithm } from './column-rules.ts'
import { listProblem } from './filters.ts'
import { type TopicNamingStrategy, topicNamingStrategies } from './naming.ts'

const TOPIC_PART = /^[a-zA-Z0-9_.-]+$/
const topicPart = (text: string) =>
  TOPIC_PART.test(text) ? undefined : 'It has an invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)'

/** The whole text, since an expression may have commas behind a backslash. */
const expressions = (doc: string, importance: 'MEDIUM' | 'LOW' = 'MEDIUM') =>
  setting.string({ doc, default: null, importance, group: 'Filters', check: listProblem })

const columns = (doc: string, names: RegExp) => setting.named({ doc, names, group: 'Columns', check: listProblem })

/** `<table>:<column>,<column>` with expressions for both. */
const KEY_COLUMNS = /^\s*([^\s:]+):([^:\s]+)\s*$/

/** The expressions of `message.key.columns`, each for a table and a column, in order. */
export function keyColumnLists(text: string): string[] {
  return text.split(';').flatMap((part) => {
    const [, table, columns] = KEY_COLUMNS.exec(part)!
    return columns!.split(',').map((column) => `${table}.${column}`)
  })
}

function keyColumnsProblem(text: string): string | undefined {
  const wrong = text.split(';').find((part) => !KEY_COLUMNS.test(part))
  if (wrong !== undefined) return `${wrong} has an invalid format (expecting '${KEY_COLUMNS.source}')`
  return keyColumnLists(text)
    .map(listProblem)
    .find((problem) => problem !== undefined)
}

/** The algorithm and the salt are parts of the name; `v2` hashes the text itself, the other one Java's serialised form of it. */
export const HASH_NAMES = /^column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.+)$/

function hashProblem(name: string): string | undefined {
  const algorithm = HASH_NAMES.exec(name)![2]!
  return hashAlgorithm(algorithm) === undefined ? `${algorithm} is no hash algorithm: use SHA-256 or SHA-512` : undefined
}

const HEX = /^hex:(?:[0-9a-fA-F]{2})*$/

/** The bytes that stand for what is unavailable. */
export const placeholderBytes = (text: string): Buffer => (text.startsWith('hex:') ? Buffer.from(text.slice(4), 'hex') : Buffer.from(text))

const adjustments = ['none', 'avro', 'avro_unicode'] as const
const strategies = Object.keys(topicNamingStrategies) as TopicNamingStrategy[]

export const mappingSettings = {
  'topic.prefix': setting.string({
    doc: 'The first part of the names of all topics. Unique among connectors, and never changed: positions are stored under it.',
    importance: 'HIGH',
    group: 'Names',
    check: topicPart,
  }),
  'topic.delimiter': setting.string({
    doc: 'What stands between the parts of the names of topics',
    default: '.',
    importance: 'LOW',
    group: 'Names',
    check: topicPart,
  }),
  'topic.naming.strategy': setting.oneOf(strategies, {
    doc: 'How topics are named: with the names of schema and table, or of the table alone; in the Unicode strategies other characters become _u and their code',
    default: 'io.debezium.schema.SchemaTopicNamingStrategy',
    importance: 'LOW',
    group: 'Names',
    exactCase: true,
    expected: `Only ${strategies.join(', ')} are supported. For other names use a transform such as RegexRouter.`,
  }),
  'schema.name.adjustment.mode': setting.oneOf(adjustments, {
    doc: "What becomes of characters in the names of schemas that Avro does not allow: 'avro' an underscore, 'avro_unicode' _u and their code",
    default: 'none',
    importance: 'LOW',
    group: 'Names',
  }),
  'field.name.adjustment.mode': setting.oneOf(adjustments, {
    doc: "What becomes of characters in the names of fields that Avro does not allow: 'avro' an underscore, 'avro_unicode' _u and their code",
    default: 'none',
    importance: 'LOW',
    group: 'Names',
  }),
  'schema.include.list': expressions('Regular expressions of the names of the schemas to capture'),
  'schema.exclude.list': expressions('Regular expressions of the names of the schemas not to capture'),
  'table.include.list': expressions('Regular expressions of the tables to capture, as schema.table'),
  'table.exclude.list': expressions('Regular expressions of the tables not to capture, as schema.table'),
  'table.ignore.builtin': setting.boolean({
    doc: 'Whether the tables of Postgres and PostGIS themselves are left out',
    default: true,
    importance: 'LOW',
    group: 'Filters',
  }),
  'column.include.list': expressions('Regular expressions of the columns to include, as schema.table.column. Keys have all their columns.'),
  'column.exclude.list': expressions(
    'Regular expressions of the columns to leave out, as schema.table.column. Keys have all their columns.',
  ),
  'message.key.columns': setting.string({
    doc: 'Keys of records other than the primary key: schema.table:column,column;… with regular expressions',
    default: null,
    importance: 'MEDIUM',
    group: 'Columns',
    check: keyColumnsProblem,
  }),
  'column.truncate.to.(length).chars': columns(
    'Regular expressions of the columns to cut off after this number of characters or bytes',
    /^column\.truncate\.to\.(\d+)\.chars$/,
  ),
  'column.mask.with.(length).chars': columns(
    'Regular expressions of the columns of text whose values become this number of asterisks',
    /^column\.mask\.with\.(\d+)\.chars$/,
  ),
  'column.mask.hash.(algorithm).with.salt.(salt)': setting.named({
    doc: 'Regular expressions of the columns of text whose values become a hash: MD5, SHA-1, SHA-256 and others of Java',
    names: HASH_NAMES,
    group: 'Columns',
    check: (list, name) => hashProblem(name) ?? listProblem(list),
  }),
  'column.propagate.source.type': expressions(
    'Regular expressions of the columns, as schema.table.column, whose types are parameters of their schemas',
    'LOW',
  ),
  'datatype.propagate.source.type': expressions(
    'Regular expressions of the types, as schema.table.type, which are parameters of the schemas of columns',
    'LOW',
  ),
  'decimal.handling.mode': setting.oneOf(['precise', 'double', 'string'], {
    doc: "What numeric and money become: 'precise' decimals, 'double' floating-point numbers, 'string' digits",
    default: 'precise',
    group: 'Types',
  }),
  'time.precision.mode': setting.oneOf(['adaptive', 'adaptive_time_microseconds', 'connect', 'isostring', 'microseconds', 'nanoseconds'], {
    doc: "What dates, times and timestamps become: 'adaptive' numbers of ms or µs by the column's precision, 'connect' Kafka Connect's logical types in ms, 'isostring' strings, others numbers of one unit",
    default: 'adaptive',
    group: 'Types',
  }),
  'interval.handling.mode': setting.oneOf(['numeric', 'string'], {
    doc: "What intervals become: 'numeric' µs, 'string' P1Y2M3DT4H5M6S",
    default: 'numeric',
    importance: 'LOW',
    group: 'Types',
  }),
  'hstore.handling.mode': setting.oneOf(['json', 'map'], {
    doc: 'What hstore becomes',
    default: 'json',
    importance: 'LOW',
    group: 'Types',
  }),
  'binary.handling.mode': setting.oneOf(['bytes', 'base64', 'base64-url-safe', 'hex'], {
    doc: 'What bytea becomes: bytes, or a string of them',
    default: 'bytes',
    importance: 'LOW',
    group: 'Types',
  }),
  'money.fraction.digits': setting.int({
    doc: "The digits of money after the point, by the server's lc_monetary",
    default: 2,
    importance: 'LOW',
    group: 'Types',
    check: (digits) => (digits < 0 ? 'Value must be at least 0' : undefined),
  }),
  'include.unknown.datatypes': setting.boolean({
    doc: 'Whether columns of other types are there, as the bytes of their text',
    default: false,
    importance: 'LOW',
    group: 'Types',
  }),
  'unavailable.value.placeholder': setting.string({
    doc: 'What stands for a TOASTed value that did not change, which Postgres does not send; bytes in hex after hex:',
    default: '__debezium_unavailable_value',
    group: 'Types',
    check: (text) =>
      HEX.test(text) || !text.startsWith('hex:') ? undefined : 'After hex: an even number of hexadecimal digits is expected',
  }),
  converters: setting.string({
    doc: "Refused: Debezium's converters of columns are Java classes",
    default: null,
    importance: 'LOW',
    group: 'Types',
  }),
  'post.processors': setting.string({
    doc: "Refused: Debezium's post-processors are Java classes",
    default: null,
    importance: 'LOW',
    group: 'Types',
  }),
  'event.converting.failure.handling.mode': setting.oneOf(['fail', 'warn', 'skip'], {
    doc: "What becomes of a value that its schema cannot have: 'fail' fails the task, 'warn' makes it null and logs it, 'skip' makes it null",
    default: 'warn',
    group: 'Types',
  }),
}

export type MappingConfig = ConfigOf<typeof mappingSettings>

/** Java code that a config may name. Records without it would be others, so none is left out without a word. */
function pluggedInProblems(config: MappingConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  if (hasList(config.converters))
    problems.push({ setting: 'converters', why: 'converters of columns are Java classes: remove it and use a transform of the records' })
  if (hasList(config['post.processors']))
    problems.push({
      setting: 'post.processors',
      why: 'post-processors are Java classes: remove it; REPLICA IDENTITY FULL gives TOASTed values',
    })
  return problems
}

/** Lists of which one makes the other void. */
const PAIRS = [
  ['schema.include.list', 'schema.exclude.list'],
  ['table.include.list', 'table.exclude.list'],
  ['column.include.list', 'column.exclude.list'],
] as const

/** Checks that concern several settings. */
export const checkMapping = (config: MappingConfig): SettingProblem[] => [
  ...PAIRS.filter(([include, exclude]) => hasList(config[include]) && hasList(config[exclude])).map(([include, exclude]) => ({
    setting: exclude,
    why: `"${include}" is already specified: set one of both`,
  })),
  ...pluggedInProblems(config),
]

export const hasList = (list: string | null): list is string => list !== null && list.trim() !== ''

/**
 * The settings that every connector has besides its own, with the names, defaults, order and groups of Kafka Connect. Those that depend on
 * the worker's converters or plugins are functions of them.
 */

import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import { type ConfigOf, InvalidSetting, setting } from '../sdk/index.ts'
import { patternProblem } from '../sdk/java-pattern.ts'
import type { ConnectorConfig } from '../types.ts'
import { type ConverterKind, findConverter, versionProblem } from './plugin-versions.ts'

const groups = {
  common: 'Common',
  transforms: 'Transforms',
  predicates: 'Predicates',
  errors: 'Error Handling',
  topics: 'Topic Creation',
  once: 'Exactly Once Support',
  offsets: 'offsets.topic',
} as const

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)
const distinct = (names: readonly string[]) => (new Set(names).size < names.length ? 'Duplicate alias provided.' : undefined)
const common = (order: number) => ({ group: groups.common, order })
const errors = (order: number) => ({ group: groups.errors, order, importance: 'MEDIUM' as const })

export type DefaultConverters = Readonly<Record<'key.converter' | 'value.converter' | 'header.converter', string | null>>

/** Where the worker is not asked. */
const noDefaults: DefaultConverters = { 'key.converter': null, 'value.converter': null, 'header.converter': null }

/** `name` is the plugin that the config names; null where it names none. */
const pluginVersion = (
  plugins: Plugins,
  order: number,
  displayName: string,
  of: string,
  width: 'SHORT' | 'MEDIUM',
  name: string | null,
) => {
  const versions = name === null ? [] : plugins.versions(name)
  return setting.string({
    ...common(order),
    width,
    displayName,
    importance: width === 'MEDIUM' ? 'MEDIUM' : 'LOW',
    default: versions[0] ?? null,
    recommended: versions,
    visible: versions.length > 0,
    doc: `The version of the ${of}, or a range of versions, as Maven writes it: 1.2 or [1.0,2.0). Without it the newest one.`,
    check: (spec) => saying(versionProblem(plugins, name ?? '', spec)),
  })
}

const saying = (problem: string | undefined) => (problem === undefined ? undefined : InvalidSetting.saying('', problem))

/** The settings of all connectors. */
export const connectorSettings = (
  plugins: Plugins,
  plugin: ConnectorPlugin | null,
  defaults: DefaultConverters = noDefaults,
  config: ConnectorConfig = {},
) => {
  const converterVersion = (order: number, what: ConverterKind) =>
    pluginVersion(
      plugins,
      order,
      `${capital(what)} converter version`,
      `${what} converter`,
      'SHORT',
      config[`${what}.converter`] ?? defaults[`${what}.converter`],
    )
  const converter = (order: number, what: ConverterKind) =>
    setting.class({
      ...common(order),
      width: 'SHORT',
      importance: 'LOW',
      displayName: `${capital(what)} converter class`,
      default: defaults[`${what}.converter`],
      doc: `The converter of ${what}s; the worker's if it is not set.`,
      recommended: plugins.converters
        .filter(({ kinds }) => !kinds || what === 'header' || kinds.includes('converter'))
        .map((declaration) => declaration.class),
      check: (name) =>
        classProblem(plugins, findConverter(plugins, what, name, null), name, what === 'header' ? 'HeaderConverter' : 'Converter') ??
        saying(versionProblem(plugins, name, config[`${what}.converter.plugin.version`])),
    })
  return {
    name: setting.string({
      ...common(1),
      width: 'MEDIUM',
      importance: 'HIGH',
      displayName: 'Connector name',
      doc: 'The name of the connector, unique in the Connect cluster.',
      check: (name) => (name === '' ? 'String may not be empty' : controlCharacters(name)),
    }),
    'connector.class': setting.string({
      ...common(2),
      width: 'LONG',
      importance: 'HIGH',
      displayName: 'Connector class',
      doc: 'The class of the connector, as GET /connector-plugins lists it; its simple name, or that without `Connector`.',
      check: (name) => saying(versionProblem(plugins, name, config['connector.plugin.version'])),
    }),
    'connector.plugin.version': pluginVersion(plugins, 3, 'Connector version', 'connector', 'MEDIUM', plugin?.class ?? null),
    'tasks.max': setting.int({
      ...common(4),
      width: 'SHORT',
      importance: 'HIGH',
      displayName: 'Tasks max',
      default: 1,
      doc: 'The maximum number of tasks.',
      least: 1,
    }),
    'tasks.max.enforce': setting.boolean({
      ...common(5),
      width: 'SHORT',
      importance: 'LOW',
      displayName: 'Enforce tasks max',
      default: true,
      doc: 'Whether a connector that generates more tasks than tasks.max fails.',
    }),
    'key.converter': converter(6, 'key'),
    'key.converter.plugin.version': converterVersion(7, 'key'),
    'value.converter': converter(8, 'value'),
    'value.converter.plugin.version': converterVersion(9, 'value'),
    'header.converter': converter(10, 'header'),
    'header.converter.plugin.version': converterVersion(11, 'header'),
    transforms: setting.list({
      group: groups.transforms,
      order: 12,
      width: 'LONG',
      importance: 'LOW',
      displayName: 'Transforms',
      default: [],
      doc: 'The aliases of the transforms that are applied to each record, in order.',
      check: distinct,
    }),
    predicates: setting.list({
      group: groups.predicates,
      order: 13,
      width: 'LONG',
      importance: 'LOW',
      displayName: 'Predicates',
      default: [],
      doc: 'The aliases of the predicates that transforms use.',
      check: distinct,
    }),
    'config.action.reload': setting.oneOf(['none', 'restart'], {
      ...common(14),
      width: 'MEDIUM',
      importance: 'LOW',
      displayName: 'Reload Action',
      exactCase: true,
      default: 'restart',
      recommended: [],
      doc: 'The action when a value that the config refers to changes.',
    }),
    'errors.retry.timeout': setting.long({
      ...errors(1),
      width: 'MEDIUM',
      displayName: 'Retry Timeout for Errors',
      default: 0,
      doc: 'The time in ms for which a failed conversion or transform is retried: 0 means not at all, -1 or less without limit.',
    }),
    'errors.retry.delay.max.ms': setting.long({
      ...errors(2),
      width: 'MEDIUM',
      displayName: 'Maximum Delay Between Retries for Errors',
      default: 60_000,
      doc: 'The maximum delay between two retries in ms; 0 or less means none.',
    }),
    'errors.tolerance': setting.oneOf(['none', 'all'], {
      ...errors(3),
      width: 'SHORT',
      displayName: 'Error Tolerance',
      exactCase: true,
      default: 'none',
      recommended: [],
      doc: 'What happens to a record that cannot be processed: `none` fails the task, `all` skips the record.',
    }),
    'errors.log.enable': setting.boolean({
      ...errors(4),
      width: 'SHORT',
      displayName: 'Log Errors',
      default: false,
      doc: 'Whether each error of a record is logged.',
    }),
    'errors.log.include.messages': setting.boolean({
      ...errors(5),
      width: 'SHORT',
      displayName: 'Log Error Details',
      default: false,
      doc: 'Whether the log has the topic, partition and offset of the record too.',
    }),
  }
}

const capital = (word: string) => `${word[0]!.toUpperCase()}${word.slice(1)}`

/** Why a class is no plugin of an interface; undefined where `found` is one. */
export function classProblem(plugins: Plugins, found: unknown, name: string, type: string): string | InvalidSetting | undefined {
  if (found) return undefined
  const other = plugins.plugin(name)
  if (other) return InvalidSetting.saying(name, `Class class ${name} does not implement the ${type} interface`)
  return `Class ${name} could not be found.`
}

/** The dead-letter queue. Kafka Connect has one for sinks only. */
export const deadLetterSettings = {
  'errors.deadletterqueue.topic.name': setting.string({
    ...errors(6),
    width: 'MEDIUM',
    displayName: 'Dead Letter Queue Topic Name',
    default: '',
    doc: 'The dead-letter queue for records that could not be processed; none where it is empty.',
  }),
  'errors.deadletterqueue.topic.replication.factor': setting.short({
    ...errors(7),
    width: 'MEDIUM',
    displayName: 'Dead Letter Queue Topic Replication Factor',
    default: 3,
    doc: 'The replication factor of the dead-letter queue, where it is created.',
  }),
  'errors.deadletterqueue.context.headers.enable': setting.boolean({
    ...errors(8),
    width: 'MEDIUM',
    displayName: 'Enable Error Context Headers',
    default: false,
    doc: 'Whether headers (`__connect.errors.…`) have the origin of the record and its error.',
  }),
} as const

/** The settings of sources, besides those of all connectors. */
export const sourceSettings = {
  'topic.creation.groups': setting.list({
    group: groups.topics,
    order: 1,
    width: 'LONG',
    importance: 'LOW',
    displayName: 'Topic Creation Groups',
    default: [],
    check: distinct,
    doc: 'The names of the topic creation groups, `topic.creation.<group>.*`.',
  }),
  'exactly.once.support': setting.oneOf(['requested', 'required'], {
    group: groups.once,
    order: 2,
    width: 'SHORT',
    importance: 'MEDIUM',
    displayName: 'Exactly once support',
    expected: 'String must be one of (case insensitive): REQUIRED, REQUESTED',
    default: 'requested',
    recommended: [],
    doc: 'With `required`, the config is invalid where the connector cannot deliver exactly once, or does not say that it can, and where the worker has no exactly-once support.',
  }),
  'transaction.boundary': setting.oneOf(['poll', 'interval', 'connector'], {
    group: groups.once,
    order: 3,
    width: 'SHORT',
    importance: 'MEDIUM',
    displayName: 'Transaction Boundary',
    expected: 'String must be one of (case insensitive): INTERVAL, POLL, CONNECTOR',
    default: 'poll',
    recommended: [],
    doc: 'When an exactly-once source commits its transaction: with each batch that it gives, after an interval, or where the connector says so.',
  }),
  'transaction.boundary.interval.ms': setting.long({
    group: groups.once,
    order: 4,
    width: 'SHORT',
    importance: 'LOW',
    displayName: 'Transaction boundary interval',
    default: null,
    doc: 'The length of a transaction, where transaction.boundary is `interval`. Without it, the offset.flush.interval.ms of the worker counts.',
    check: atLeast(0),
  }),
  'offsets.storage.topic': setting.string({
    group: groups.offsets,
    order: 1,
    width: 'LONG',
    importance: 'LOW',
    displayName: 'Offsets topic',
    default: null,
    doc: "An offset topic for this connector alone, in the cluster of its producer. It is created where it is missing. Positions are copied to the worker's offset topic, which is read for those that this one does not have. A standalone worker ignores it.",
    check: (value) => (value === '' ? 'String must be non-empty' : undefined),
  }),
} as const

/** The settings of sinks, besides those of all connectors. */
export const sinkSettings = {
  topics: setting.list({
    ...common(4),
    width: 'LONG',
    importance: 'HIGH',
    displayName: 'Topics',
    default: [],
    doc: 'The topics to consume.',
  }),
  'topics.regex': setting.string({
    ...common(4),
    width: 'LONG',
    importance: 'HIGH',
    displayName: 'Topics regex',
    default: '',
    doc: 'A regular expression of the topics to consume, including later ones. Either this or `topics`.',
    check: patternProblem,
  }),
  ...deadLetterSettings,
} as const

export type CommonConfig = ConfigOf<ReturnType<typeof connectorSettings>>
export type SourceConfig = ConfigOf<typeof sourceSettings>
export type SinkConfig = ConfigOf<typeof sinkSettings>
export type DeadLetterConfig = ConfigOf<typeof deadLetterSettings>

function controlCharacters(name: string): string | undefined {
  const codes = name.match(/\p{Cc}/gu)?.map((character) => character.codePointAt(0))
  return codes && `String may not contain control sequences but had the following ASCII chars: ${codes.join(', ')}`
}

/**
 * The settings that every connector has besides its own, with the names, defaults, order and groups of Kafka Connect. Those that depend on
 * the worker's converters or plugins are functions of them.
 */

import { version } from '../../core/system/version.ts'
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import { type ConfigOf, type Settings, setting } from '../sdk/index.ts'

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
const classExists = (find: (name: string) => unknown) => (name: string) => (find(name) ? undefined : `Class ${name} could not be found.`)
const common = (order: number) => ({ group: groups.common, order })
const errors = (order: number) => ({ group: groups.errors, order, importance: 'MEDIUM' as const })

export type DefaultConverters = Readonly<Record<'key.converter' | 'value.converter' | 'header.converter', string>>

const standardConverters: DefaultConverters = {
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'header.converter': 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
}

const pluginVersion = (order: number, displayName: string, of: string, width: 'SHORT' | 'MEDIUM', known: string) =>
  setting.string({
    ...common(order),
    width,
    displayName,
    importance: width === 'MEDIUM' ? 'MEDIUM' : 'LOW',
    default: known,
    recommended: [known],
    doc: `The version of the ${of}. There is only the installed one.`,
    check: (value) =>
      ['latest', known].includes(value) || value.includes(known) ? undefined : `version ${known} is installed, ${value} is not`,
  })

/** The settings of all connectors. */
export const connectorSettings = (plugins: Plugins, plugin: ConnectorPlugin | null, defaults: DefaultConverters = standardConverters) => {
  const converter = (order: number, what: 'key' | 'value' | 'header') =>
    setting.class({
      ...common(order),
      width: 'SHORT',
      importance: 'LOW',
      displayName: `${what[0]!.toUpperCase()}${what.slice(1)} converter class`,
      default: defaults[`${what}.converter`],
      doc: `The converter of ${what}s; the worker's if it is not set.`,
      recommended: plugins.converters
        .filter(({ kinds }) => !kinds || what === 'header' || kinds.includes('converter'))
        .map((declaration) => declaration.class),
      check: classExists(what === 'header' ? plugins.headerConverter : plugins.converter),
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
    }),
    'connector.plugin.version': pluginVersion(3, 'Connector version', 'connector', 'MEDIUM', plugin?.version ?? version),
    'tasks.max': setting.int({
      ...common(4),
      width: 'SHORT',
      importance: 'HIGH',
      displayName: 'Tasks max',
      default: 1,
      doc: 'The maximum number of tasks.',
      check: atLeast(1),
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
    'key.converter.plugin.version': pluginVersion(7, 'Key converter version', 'key converter', 'SHORT', version),
    'value.converter': converter(8, 'value'),
    'value.converter.plugin.version': pluginVersion(9, 'Value converter version', 'value converter', 'SHORT', version),
    'header.converter': converter(10, 'header'),
    'header.converter.plugin.version': pluginVersion(11, 'Header converter version', 'header converter', 'SHORT', version),
    transforms: setting.list({
      group: groups.transforms,
      order: 12,
      width: 'LONG',
      importance: 'LOW',
      displayName: 'Transforms',
      default: [],
      doc: 'The aliases of the transforms that are applied to each record, in order.',
      check: distinct('transformation'),
    }),
    predicates: setting.list({
      group: groups.predicates,
      order: 13,
      width: 'LONG',
      importance: 'LOW',
      displayName: 'Predicates',
      default: [],
      doc: 'The aliases of the predicates that transforms use.',
      check: distinct('predicate'),
    }),
    'config.action.reload': setting.oneOf(['none', 'restart'], {
      ...common(14),
      width: 'MEDIUM',
      importance: 'LOW',
      displayName: 'Reload Action',
      default: 'restart',
      recommended: [],
      doc: 'The action when a value that the config refers to changes.',
    }),
    'errors.retry.timeout': setting.long({
      ...errors(1),
      width: 'MEDIUM',
      displayName: 'Retry Timeout for Errors',
      default: 0,
      doc: 'The time in ms for which a failed conversion or transform is retried: 0 means not at all, -1 without limit.',
      check: atLeast(-1),
    }),
    'errors.retry.delay.max.ms': setting.long({
      ...errors(2),
      width: 'MEDIUM',
      displayName: 'Maximum Delay Between Retries for Errors',
      default: 60_000,
      doc: 'The maximum delay between two retries.',
      check: atLeast(0),
    }),
    'errors.tolerance': setting.oneOf(['none', 'all'], {
      ...errors(3),
      width: 'SHORT',
      displayName: 'Error Tolerance',
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

function distinct(what: string) {
  return (names: readonly string[]) => {
    const duplicate = names.find((name, index) => names.indexOf(name) !== index)
    return duplicate === undefined ? undefined : `Duplicate alias provided for ${what} ${duplicate}.`
  }
}

/** The settings of sources, besides those of all connectors. */
export const sourceSettings = {
  'topic.creation.groups': setting.list({
    group: groups.topics,
    order: 1,
    width: 'LONG',
    importance: 'LOW',
    displayName: 'Topic Creation Groups',
    default: [],
    doc: 'The names of the topic creation groups, `topic.creation.<group>.*`.',
  }),
  'exactly.once.support': setting.oneOf(['requested', 'required'], {
    group: groups.once,
    order: 2,
    width: 'SHORT',
    importance: 'MEDIUM',
    displayName: 'Exactly once support',
    default: 'requested',
    recommended: [],
    doc: 'With `required`, the config is invalid where the connector cannot deliver exactly once.',
    check: (value) => (value === 'required' ? 'exactly-once sources are not supported: set it to requested' : undefined),
  }),
  'transaction.boundary': setting.oneOf(['poll', 'interval', 'connector'], {
    group: groups.once,
    order: 3,
    width: 'SHORT',
    importance: 'MEDIUM',
    displayName: 'Transaction Boundary',
    default: 'poll',
    recommended: [],
    doc: 'The boundaries of the transactions of exactly-once sources.',
  }),
  'transaction.boundary.interval.ms': setting.long({
    group: groups.once,
    order: 4,
    width: 'SHORT',
    importance: 'LOW',
    displayName: 'Transaction boundary interval',
    default: null,
    doc: 'The length of a transaction, where transaction.boundary is `interval`.',
    check: atLeast(1),
  }),
  'offsets.storage.topic': setting.string({
    group: groups.offsets,
    order: 1,
    width: 'LONG',
    importance: 'LOW',
    displayName: 'Offsets topic',
    default: null,
    doc: 'A separate offset topic for this connector.',
    check: (value) =>
      value.trim() === '' ? 'String must be non-empty' : 'positions are stored in the worker’s offset.storage.topic: remove this setting',
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
    check: (value) => {
      try {
        new RegExp(value)
        return undefined
      } catch (error) {
        return `Invalid regular expression: ${(error as Error).message}`
      }
    },
  }),
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

export type CommonConfig = ConfigOf<ReturnType<typeof connectorSettings>>
export type SinkConfig = ConfigOf<typeof sinkSettings>

/** The setting `transforms.<alias>.type` or `predicates.<alias>.type`. */
export const stageType = (prefix: string, group: string, known: readonly string[], find: (name: string) => unknown): Settings => ({
  [`${prefix}.type`]: setting.class({
    group,
    order: 0,
    width: 'LONG',
    importance: 'HIGH',
    displayName: `${group} type`,
    recommended: known,
    doc: 'The class of the transform or predicate.',
    check: classExists(find),
  }),
})

function controlCharacters(name: string): string | undefined {
  const codes = name.match(/\p{Cc}/gu)?.map((character) => character.codePointAt(0))
  return codes && `String may not contain control sequences but had the following ASCII chars: ${codes.join(', ')}`
}

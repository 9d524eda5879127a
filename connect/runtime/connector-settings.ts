/**
 * The settings that every connector has beside its own, declared once: in Kafka Connect's order and groups, with its names and defaults.
 * What depends on the worker (default converters) or on the plugins that are there comes in as arguments.
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
const found = (find: (name: string) => unknown) => (name: string) => (find(name) ? undefined : `Class ${name} could not be found.`)
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
    doc: `The version of the ${of}. The one that is there is taken.`,
    check: (value) =>
      ['latest', known].includes(value) || value.includes(known) ? undefined : `version ${known} is there, ${value} is not`,
  })

/** Of all connectors. */
export const connectorSettings = (plugins: Plugins, plugin: ConnectorPlugin | null, defaults: DefaultConverters = standardConverters) => {
  const converter = (order: number, what: 'key' | 'value' | 'header') =>
    setting.class({
      ...common(order),
      width: 'SHORT',
      importance: 'LOW',
      displayName: `${what[0]!.toUpperCase()}${what.slice(1)} converter class`,
      default: defaults[`${what}.converter`],
      doc: `What turns each ${what} into bytes and back. The worker's own where it is left out.`,
      recommended: plugins.converters
        .filter((one) => !one.kinds || what === 'header' || one.kinds.includes('converter'))
        .map((one) => one.class),
      check: found(what === 'header' ? plugins.headerConverter : plugins.converter),
    })
  return {
    name: setting.string({
      ...common(1),
      width: 'MEDIUM',
      importance: 'HIGH',
      displayName: 'Connector name',
      doc: 'The name of the connector, once in a cluster of workers.',
      check: (name) => (name === '' ? 'String may not be empty' : controlCharacters(name)),
    }),
    'connector.class': setting.string({
      ...common(2),
      width: 'LONG',
      importance: 'HIGH',
      displayName: 'Connector class',
      doc: 'What the connector is: a class name as GET /connector-plugins lists them, its last part, or that without `Connector`.',
    }),
    'connector.plugin.version': pluginVersion(3, 'Connector version', 'connector', 'MEDIUM', plugin?.version ?? version),
    'tasks.max': setting.int({
      ...common(4),
      width: 'SHORT',
      importance: 'HIGH',
      displayName: 'Tasks max',
      default: 1,
      doc: 'The most tasks that the connector may be split into.',
      check: atLeast(1),
    }),
    'tasks.max.enforce': setting.boolean({
      ...common(5),
      width: 'SHORT',
      importance: 'LOW',
      displayName: 'Enforce tasks max',
      default: true,
      doc: 'Whether a connector that wants more tasks than tasks.max fails.',
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
      doc: 'Names of the transforms that each record goes through, in order.',
      check: distinct('transformation'),
    }),
    predicates: setting.list({
      group: groups.predicates,
      order: 13,
      width: 'LONG',
      importance: 'LOW',
      displayName: 'Predicates',
      default: [],
      doc: 'Names of the predicates that transforms use.',
      check: distinct('predicate'),
    }),
    'config.action.reload': setting.oneOf(['none', 'restart'], {
      ...common(14),
      width: 'MEDIUM',
      importance: 'LOW',
      displayName: 'Reload Action',
      default: 'restart',
      recommended: [],
      doc: 'What to do when a value that the config refers to changes.',
    }),
    'errors.retry.timeout': setting.long({
      ...errors(1),
      width: 'MEDIUM',
      displayName: 'Retry Timeout for Errors',
      default: 0,
      doc: 'How long, in ms, a failed conversion or transform is tried again: 0 not at all, -1 without end.',
      check: atLeast(-1),
    }),
    'errors.retry.delay.max.ms': setting.long({
      ...errors(2),
      width: 'MEDIUM',
      displayName: 'Maximum Delay Between Retries for Errors',
      default: 60_000,
      doc: 'The longest wait between two tries.',
      check: atLeast(0),
    }),
    'errors.tolerance': setting.oneOf(['none', 'all'], {
      ...errors(3),
      width: 'SHORT',
      displayName: 'Error Tolerance',
      default: 'none',
      recommended: [],
      doc: 'What a record that cannot be taken does: `none` fails the task, `all` passes it over.',
    }),
    'errors.log.enable': setting.boolean({
      ...errors(4),
      width: 'SHORT',
      displayName: 'Log Errors',
      default: false,
      doc: 'Log each error that is tolerated.',
    }),
    'errors.log.include.messages': setting.boolean({
      ...errors(5),
      width: 'SHORT',
      displayName: 'Log Error Details',
      default: false,
      doc: 'Say in that log which record it was.',
    }),
  }
}

function distinct(what: string) {
  return (names: readonly string[]) => {
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    return twice === undefined ? undefined : `Duplicate alias provided for ${what} ${twice}.`
  }
}

/** Of sources, beside those. */
export const sourceSettings = {
  'topic.creation.groups': setting.list({
    group: groups.topics,
    order: 1,
    width: 'LONG',
    importance: 'LOW',
    displayName: 'Topic Creation Groups',
    default: [],
    doc: 'Names of groups of settings for the topics that are created for this source.',
  }),
  'exactly.once.support': setting.oneOf(['requested', 'required'], {
    group: groups.once,
    order: 2,
    width: 'SHORT',
    importance: 'MEDIUM',
    displayName: 'Exactly once support',
    default: 'requested',
    recommended: [],
    doc: 'With `required`, the connector is refused where it cannot deliver exactly once.',
    check: (value) => (value === 'required' ? 'sources deliver at least once here: set it to requested' : undefined),
  }),
  'transaction.boundary': setting.oneOf(['poll', 'interval', 'connector'], {
    group: groups.once,
    order: 3,
    width: 'SHORT',
    importance: 'MEDIUM',
    displayName: 'Transaction Boundary',
    default: 'poll',
    recommended: [],
    doc: 'Where exactly-once sources end a transaction.',
  }),
  'transaction.boundary.interval.ms': setting.long({
    group: groups.once,
    order: 4,
    width: 'SHORT',
    importance: 'LOW',
    displayName: 'Transaction boundary interval',
    default: null,
    doc: 'The time between two ends, where the boundary is `interval`.',
    check: atLeast(1),
  }),
  'offsets.storage.topic': setting.string({
    group: groups.offsets,
    order: 1,
    width: 'LONG',
    importance: 'LOW',
    displayName: 'Offsets topic',
    default: null,
    doc: "A topic of its own for this connector's positions.",
    check: (value) =>
      value.trim() === '' ? 'String must be non-empty' : 'positions are kept in the worker’s offset.storage.topic: leave it out',
  }),
} as const

/** Of sinks, beside those of all. */
export const sinkSettings = {
  topics: setting.list({
    ...common(4),
    width: 'LONG',
    importance: 'HIGH',
    displayName: 'Topics',
    default: [],
    doc: 'The topics to read.',
  }),
  'topics.regex': setting.string({
    ...common(4),
    width: 'LONG',
    importance: 'HIGH',
    displayName: 'Topics regex',
    default: '',
    doc: 'A regular expression for the topics to read, new ones included. Either this or `topics`.',
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
    doc: 'The topic for records that could not be taken. Empty: there is none.',
  }),
  'errors.deadletterqueue.topic.replication.factor': setting.short({
    ...errors(7),
    width: 'MEDIUM',
    displayName: 'Dead Letter Queue Topic Replication Factor',
    default: 3,
    doc: 'Copies of that topic, where it is created.',
  }),
  'errors.deadletterqueue.context.headers.enable': setting.boolean({
    ...errors(8),
    width: 'MEDIUM',
    displayName: 'Enable Error Context Headers',
    default: false,
    doc: 'Tell in headers (`__connect.errors.…`) where a record came from and why it could not be taken.',
  }),
} as const

export type CommonConfig = ConfigOf<ReturnType<typeof connectorSettings>>
export type SinkConfig = ConfigOf<typeof sinkSettings>

/** One stage's own settings under its alias: `transforms.<alias>.type` and what stands beside it. */
export const stageType = (prefix: string, group: string, known: readonly string[], find: (name: string) => unknown): Settings => ({
  [`${prefix}.type`]: setting.class({
    group,
    order: 0,
    width: 'LONG',
    importance: 'HIGH',
    displayName: `${group} type`,
    recommended: known,
    doc: 'The class of the stage.',
    check: found(find),
  }),
})

function controlCharacters(name: string): string | undefined {
  const found = name.match(/\p{Cc}/gu)?.map((character) => character.codePointAt(0))
  return found && `String may not contain control sequences but had the following ASCII chars: ${found.join(', ')}`
}

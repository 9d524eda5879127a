/**
 * The Postgres sink under three classes: this project's own, and those of Confluent's and Debezium's JDBC sinks, each with the names,
 * defaults and messages of its settings.
 */
import {
  type ConfigOf,
  defineConnector,
  defineSink,
  InvalidSetting,
  type SettingProblem,
  type Settings,
  type SinkSide,
} from '../../connect/sdk/index.ts'
import { checkConfluent, confluentOptions, confluentSettings } from './confluent-settings.ts'
import { checkDebezium, debeziumOptions, debeziumSettings } from './debezium-settings.ts'
import type { SinkOptions } from './options.ts'
import { checkOwn, ownOptions, ownSettings } from './own-settings.ts'
import type { CheckedSettings } from './system-check.ts'

interface SinkClass<S extends Settings> {
  class: string
  aliases?: readonly string[]
  settings: S
  check(config: ConfigOf<S>): SettingProblem[]
  options(config: ConfigOf<S>): SinkOptions
  checked: CheckedSettings
}

function sinkOf<S extends Settings>({ check, options, checked, ...side }: SinkClass<S>): SinkSide<S> {
  return defineSink({
    ...side,
    check,
    // Every worker loads this connector, but only those that use it load what writes to the database.
    checkSystem: async (config, signal) => (await import('./system-check.ts')).checkDatabase(options(config), checked, signal),
    async start(context) {
      const [wrong] = check(context.config)
      if (wrong) throw new InvalidSetting(wrong.setting, String(context.config[wrong.setting]), wrong.why)
      const { PostgresSink } = await import('./sink.ts')
      return new PostgresSink(options(context.config), context)
    },
  })
}

const name = 'postgres-sink'
const doc = 'Writes records as rows of Postgres tables, and creates the tables from the fields of the records where settings allow it.'

export const postgresSink = sinkOf({
  class: 'tributary.postgres.PostgresSinkConnector',
  settings: ownSettings,
  check: checkOwn,
  options: ownOptions,
  checked: { user: 'connection.user', tableFormat: 'table.name.format', creates: 'auto.create' },
})

export const confluentSink = sinkOf({
  class: 'io.confluent.connect.jdbc.JdbcSinkConnector',
  aliases: ['JdbcSinkConnector', 'JdbcSink'],
  settings: confluentSettings,
  check: checkConfluent,
  options: confluentOptions,
  checked: { user: 'connection.user', tableFormat: 'table.name.format', creates: 'auto.create' },
})

export const debeziumSink = sinkOf({
  class: 'io.debezium.connector.jdbc.JdbcSinkConnector',
  settings: debeziumSettings,
  check: checkDebezium,
  options: debeziumOptions,
  checked: { user: 'connection.username', tableFormat: 'collection.name.format', creates: 'schema.evolution' },
})

export default [postgresSink, confluentSink, debeziumSink].map((sink) => defineConnector({ name, doc, sink }))

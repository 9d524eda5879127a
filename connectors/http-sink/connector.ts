/**
 * The HTTP sink under three classes: this project's own, and those of Confluent's and Aiven's sinks, each with the names and defaults of
 * its settings. What sends requests is loaded where a task starts.
 */
import {
  type ConfigOf,
  defineConnector,
  defineSink,
  type SettingProblem,
  type Settings,
  type SinkSide,
  type WorkerLimits,
} from '../../connect/sdk/index.ts'
import { aivenOptions, aivenSettings, checkAiven } from './aiven-settings.ts'
import type { HttpSinkOptions } from './options.ts'
import { checkSink, confluentSettings, ownSettings, refuseProblems, sinkOptions } from './settings.ts'

interface SinkClass<S extends Settings> {
  class: string
  aliases?: readonly string[]
  settings: S
  check(config: ConfigOf<S>): SettingProblem[]
  options(config: ConfigOf<S>, limits: WorkerLimits | undefined): HttpSinkOptions
}

function sinkOf<S extends Settings>({ check, options, ...side }: SinkClass<S>): SinkSide<S> {
  return defineSink({
    ...side,
    check,
    checkSystem: async (config, signal, limits) => (await import('./system-check.ts')).checkServer(options(config, limits), signal),
    async start(context) {
      refuseProblems(check(context.config), context.config)
      const { HttpSink } = await import('./sink.ts')
      return new HttpSink(options(context.config, context.limits), context)
    },
  })
}

const name = 'http-sink'
const doc = 'Sends records as HTTP requests: alone or in batches, in the order of their partitions, with retries.'

export const httpSink = sinkOf({
  class: 'tributary.http.HttpSinkConnector',
  aliases: ['HttpSink', 'HttpSinkConnector'],
  settings: ownSettings,
  check: checkSink,
  options: sinkOptions,
})

export const confluentSink = sinkOf({
  class: 'io.confluent.connect.http.HttpSinkConnector',
  settings: confluentSettings,
  check: checkSink,
  options: sinkOptions,
})

export const aivenSink = sinkOf({
  class: 'io.aiven.kafka.connect.http.HttpSinkConnector',
  settings: aivenSettings,
  check: checkAiven,
  options: aivenOptions,
})

export default [httpSink, confluentSink, aivenSink].map((sink) => defineConnector({ name, doc, sink }))

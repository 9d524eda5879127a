/**
 * A source whose tasks count up, each a counter of its own, and a sink that notes each record that it gets, durably before its offset is
 * committed. Chaos runs them as plugins of plugin.path: what was counted and what was noted tell of each gap and each repetition.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { defineConnector, defineSink, defineSource, setting, sourceRecord } from '../../../connect/sdk/index.ts'

const BATCH = 20

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })

export default defineConnector({
  name: 'counting',
  doc: 'Counts, and notes what was counted.',
  source: defineSource({
    class: 'chaos.CountingSourceConnector',
    settings: {
      topic: setting.string({ doc: 'The topic.' }),
      'records.per.second': setting.int({ doc: 'How fast each task counts.' }),
      counter: setting.int({ default: 0, doc: 'The number of the counter: each task has its own.' }),
    },
    tasks: (_config, most) => Array.from({ length: most }, (_, counter) => ({ counter: String(counter) })),
    async *read({ config, positions, signal }) {
      const partition = { counter: config.counter }
      let next = Number((await positions.get(partition))?.next ?? 0)
      const periodMs = (BATCH / config['records.per.second']) * 1000
      while (!signal.aborted) {
        const records = Array.from({ length: BATCH }, (_, index) =>
          sourceRecord({ topic: config.topic, key: String(config.counter), value: String(next + index) }),
        )
        next += BATCH
        yield { records, positions: [{ partition, offset: { next } }] }
        await pause(periodMs, signal)
      }
    },
  }),
  sink: defineSink({
    class: 'chaos.NotingSinkConnector',
    settings: { folder: setting.string({ doc: 'Where each task writes a file of its own, with a line for each record.' }) },
    async start({ config, task }) {
      const file = await open(join(config.folder, `${task}-${process.pid}-${Math.random().toString(36).slice(2)}.txt`), 'a')
      return {
        async write(records) {
          const lines = records.map(({ partition, offset, key, value }) => `${partition} ${offset} ${Date.now()} ${key} ${value}\n`)
          await file.write(lines.join(''))
        },
        flush: () => file.sync(),
        stop: () => file.close(),
      }
    },
  }),
})

/**
 * Plugins written into a temporary folder, as users install them into a folder of plugin.path: a package with a source, a sink, a converter
 * and a transform, and modules that are no good.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A source and a sink that misbehave as their config says. */
const CONNECTOR = `
import { defineConnector, defineSink, defineSource, Retriable, setting, sourceRecord } from 'tributary/connect/sdk'
import { appendFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'

function spin() {
  for (let n = 0; ; n++) Math.sin(n)
}

const loopOn = (config, where) => {
  if (config.loop === where) spin()
}

export default defineConnector({
  name: 'count',
  doc: 'Counts.',
  source: defineSource({
    class: 'org.example.CountSourceConnector',
    aliases: ['Counter'],
    settings: {
      topic: setting.string({ doc: 'The topic.' }),
      count: setting.int({ default: 10, doc: 'Records.', check: (count) => (count < 0 ? 'Count down is not counting' : undefined) }),
      loop: setting.oneOf(['', 'check', 'tasks', 'read', 'memory', 'exit', 'throw', 'throw null', 'post', 'flood'], { default: '', doc: 'Where to misbehave.' }),
      password: setting.password({ default: '', doc: 'A secret.' }),
    },
    check(config) {
      loopOn(config, 'check')
      return config.topic === 'forbidden' ? [{ setting: 'topic', why: 'it is forbidden' }] : []
    },
    tasks(config, most) {
      loopOn(config, 'tasks')
      return Array.from({ length: most }, () => ({}))
    },
    async *read({ config, task, positions, signal, log }) {
      log.info('reading', { error: new TypeError('an example'), password: config.password })
      loopOn(config, 'read')
      if (config.loop === 'exit') process.exit(3)
      if (config.loop === 'post') parentPort.postMessage(null)
      if (config.loop === 'throw null') setTimeout(() => { throw null })
      while (config.loop === 'flood') {
        for (let n = 0; n < 1000; n++) parentPort.postMessage({ type: 'alive', metrics: null })
        await new Promise(setImmediate)
      }
      if (config.loop === 'throw') throw new Error('the source is broken', { cause: new TypeError('its cause') })
      if (config.loop === 'memory') for (const kept = []; ; ) kept.push({ n: kept.length })
      let n = Number((await positions.get({ task }))?.n ?? 0)
      while (n < config.count && !signal.aborted) {
        yield {
          records: [sourceRecord({ topic: config.topic, partition: 0, key: String(task), value: task + ':' + n })],
          positions: [{ partition: { task }, offset: { n: ++n } }],
        }
      }
      await new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', resolve, { once: true })))
    },
    checkPositions(config, given) {
      if (given.some(({ partition }) => partition.task === undefined)) throw new Error('a partition of ' + config.topic + ' has a task')
    },
  }),
  sink: defineSink({
    class: 'org.example.FileLinesSinkConnector',
    settings: {
      file: setting.string({ doc: 'The file.' }),
      hang: setting.boolean({ default: false, doc: 'Whether a write never ends.' }),
    },
    start: ({ config }) => {
      const waiting = []
      let failures = 1
      return {
        async write(records) {
          if (config.hang) await new Promise(() => {})
          if (failures-- > 0) throw new Retriable('not yet', { afterMs: 10 })
          waiting.push(...records.map((record) => record.value + '\\n'))
        },
        async flush() {
          appendFileSync(config.file, waiting.splice(0).join(''))
        },
      }
    },
  }),
})
`

const TRANSFORM = `
import { defineTransform, setting } from 'tributary/connect/sdk'
export default [
  defineTransform({
    class: 'org.example.SuffixTransformation',
    doc: 'Appends.',
    settings: { suffix: setting.string({ doc: 'The suffix.' }) },
    create: ({ suffix }) => (record) => ({ ...record, value: record.value + suffix }),
  }),
]
`

const CONVERTER = `
const { defineConverter } = require('tributary/connect/sdk')
module.exports = defineConverter({
  class: 'org.example.ReverseConverter',
  doc: 'Texts from back to front.',
  version: '3.1',
  settings: {},
  create: () => ({
    fromConnect: (topic, schema, value) => (value === null ? null : Buffer.from([...String(value)].reverse().join(''))),
    toConnect: (topic, bytes) => ({ schema: null, value: bytes === null ? null : [...bytes.toString()].reverse().join('') }),
  }),
})
`

const PREDICATE = `
import { definePredicate, type ConnectRecord } from 'tributary/connect/sdk'
export default { even: definePredicate({ class: 'org.example.Even', doc: 'Even.', settings: {}, create: () => (record: ConnectRecord): boolean => Number(String(record.value).split(':')[1]) % 2 === 0 }) }
`

export class WrittenPlugins {
  readonly folder = mkdtempSync(join(tmpdir(), 'plugins-'))

  /** A package or a single module. */
  write(path: string, text: string): void {
    mkdirSync(join(this.folder, path, '..'), { recursive: true })
    writeFileSync(join(this.folder, path), text)
  }

  /** The package of the connector, in this version. */
  writeConnector(version = '2.0.0', folder = 'count'): void {
    this.write(
      `${folder}/package.json`,
      JSON.stringify({ name: 'count', version, type: 'module', exports: { '.': { import: './lib/index.js' } } }),
    )
    this.write(`${folder}/lib/index.js`, CONNECTOR)
  }

  /** Everything that is good. */
  writeAll(): void {
    this.writeConnector()
    this.write('suffix.mjs', TRANSFORM)
    this.write('reverse.cjs', CONVERTER)
    this.write('even.ts', PREDICATE)
  }

  /** Modules that must be left out, with what the log says of each. */
  writeBad(): Readonly<Record<string, RegExp>> {
    this.write('throws.mjs', 'throw new Error("no licence")')
    this.write('loops.mjs', 'for (;;) {}')
    this.write('shapeless.mjs', 'export default { class: "a.B", create() {} }')
    this.write('syntax.mjs', 'export default {')
    this.write('exits.mjs', 'process.exit(0)')
    this.write('empty/readme.txt', 'no package')
    this.write('missing/package.json', '{"version": "1.0", "main": "dist/index.js"}')
    return {
      'throws.mjs': /no licence/,
      'loops.mjs': /has not responded for 10 s and was ended/,
      'shapeless.mjs': /is no plugin: default-export what defineConnector/,
      'syntax.mjs': /Unexpected end of input/,
      'exits.mjs': /ended with exit code 0/,
      empty: /no package\.json: add one/,
      missing: /leads to dist\/index\.js, which does not exist/,
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

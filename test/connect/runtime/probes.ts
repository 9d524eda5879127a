/**
 * Connectors for tests of the runtime: a source that counts, a sink that stores its records, a flow that counts its runs. Each fails on
 * demand, and its probe, found by the name of the connector, has what it did.
 */
import {
  BadRecord,
  type Connector,
  Disconnected,
  defineConnector,
  defineFlow,
  defineSink,
  defineSource,
  EndOfSource,
  Retriable,
  type SinkRecord,
  setting,
  sourceRecord,
} from '../../../connect/sdk/index.ts'

export interface Probe {
  /** The position at which each run of a source task began. */
  startPositions: number[]
  /** The records that sinks have flushed. */
  flushedRecords: SinkRecord[]
  flushed: number
  opened: string[]
  closed: string[]
  starts: number
  stops: number
  /** The number of running tasks of each task id: more than one breaks Invariant 9. */
  running: Map<number, number>
  mostRunning: number
  /** Errors that the next reads, writes or runs throw, one each. */
  throwNext: Error[]
  /** Errors that the next generations of task configs of a source with the topic `topic-<name>` throw. */
  throwNextTasks: Error[]
  /** By value: what a sink reports in `flush`, to its ErrantRecordReporter, before it is done. */
  reportAtFlush: Map<unknown, Error>
  /** What the reports of a sink have resolved or rejected with. */
  reported: (null | Error)[]
  /** A sink's write waits for this. */
  gate: Promise<void> | null
  /** Writes that wait for the gate. */
  waiting: number
}

export class Probes {
  readonly #probes = new Map<string, Probe>()
  readonly connector: Connector

  constructor() {
    this.connector = this.#declare()
  }

  of(name: string): Probe {
    let probe = this.#probes.get(name)
    if (!probe) {
      probe = {
        startPositions: [],
        flushedRecords: [],
        flushed: 0,
        opened: [],
        closed: [],
        starts: 0,
        stops: 0,
        running: new Map(),
        mostRunning: 0,
        throwNext: [],
        throwNextTasks: [],
        reportAtFlush: new Map(),
        reported: [],
        gate: null,
        waiting: 0,
      }
      this.#probes.set(name, probe)
    }
    return probe
  }

  #enter(name: string, task: number): Probe {
    const probe = this.of(name)
    probe.starts++
    const live = (probe.running.get(task) ?? 0) + 1
    probe.running.set(task, live)
    probe.mostRunning = Math.max(probe.mostRunning, live)
    return probe
  }

  #declare(): Connector {
    const probes = this
    return defineConnector({
      name: 'probe',
      doc: 'Connectors that tests look into.',
      version: '1.2.3',
      source: defineSource({
        class: 'test.CountingSourceConnector',
        settings: {
          topic: setting.string({ doc: 'The topic.' }),
          count: setting.int({ default: 10, doc: 'Records to give, each task.' }),
          batch: setting.int({ default: 3, doc: 'Records at once.' }),
          task: setting.int({ default: 0, doc: 'The number of the task.' }),
        },
        tasks: ({ topic }, most) => {
          const fault = probes.of(topic.replace(/^topic-/, '')).throwNextTasks.shift()
          if (fault) throw fault
          return Array.from({ length: most }, (_, task) => ({ task: String(task) }))
        },
        async *read({ connector, task, config, positions, signal }) {
          const probe = probes.#enter(connector, task)
          try {
            let n = Number((await positions.get({ task: config.task }))?.n ?? 0)
            probe.startPositions.push(n)
            while (n < config.count) {
              const fault = probe.throwNext.shift()
              if (fault) throw fault
              const records = []
              for (const end = Math.min(n + config.batch, config.count); n < end; n++)
                records.push(sourceRecord({ topic: config.topic, partition: 0, key: `${config.task}`, value: `${config.task}:${n}` }))
              yield { records, positions: [{ partition: { task: config.task }, offset: { n } }] }
              if (signal.aborted) return
            }
            await new Promise<void>((resolve) =>
              signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
            )
          } finally {
            probe.running.set(task, probe.running.get(task)! - 1)
            probe.stops++
          }
        },
        checkPositions(_config, positions) {
          for (const { partition } of positions) if (partition.task === undefined) throw new Error("a partition has the key 'task'")
        },
      }),
      sink: defineSink({
        class: 'test.KeepingSinkConnector',
        settings: {},
        start({ connector, task, errantRecordReporter }) {
          const probe = probes.#enter(connector, task)
          const reporter = errantRecordReporter?.() ?? null
          const waiting: SinkRecord[] = []
          const names = (partitions: readonly { topic: string; partition: number }[]) =>
            partitions.map((one) => `${one.topic}-${one.partition}`)
          return {
            open: (partitions) => void probe.opened.push(...names(partitions)),
            close: (partitions) => void probe.closed.push(...names(partitions)),
            async write(records) {
              probe.waiting++
              await probe.gate
              probe.waiting--
              const fault = probe.throwNext.shift()
              const bad = fault instanceof BadRecord ? new Set([fault, ...fault.also].map((one) => one.index)) : null
              if (fault && !bad) throw fault
              waiting.push(...records.filter((_, at) => !bad?.has(at)))
              if (fault) throw fault
            },
            async flush() {
              const errant = waiting.filter((record) => probe.reportAtFlush.has(record.value))
              for (const record of errant) {
                waiting.splice(waiting.indexOf(record), 1)
                const error = probe.reportAtFlush.get(record.value)!
                await reporter?.report(record, error).then(
                  () => probe.reported.push(null),
                  (failure) => probe.reported.push(failure),
                )
              }
              probe.flushedRecords.push(...waiting.splice(0))
              probe.flushed++
            },
            stop() {
              probe.running.set(task, probe.running.get(task)! - 1)
              probe.stops++
            },
          }
        },
      }),
      flow: defineFlow({
        class: 'test.CountingFlowConnector',
        type: 'source',
        settings: {},
        async run({ connector, task, signal, positions, commit, report }) {
          const probe = probes.#enter(connector, task)
          try {
            const n = Number((await positions.get({}))?.n ?? 0)
            probe.startPositions.push(n)
            const fault = probe.throwNext.shift()
            if (fault) throw fault
            await commit([{ partition: {}, offset: { n: n + 1 } }])
            report({ runs: n + 1 })
            await new Promise<void>((resolve) =>
              signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
            )
          } finally {
            probe.running.set(task, probe.running.get(task)! - 1)
            probe.stops++
          }
        },
      }),
    })
  }
}

export { BadRecord, Disconnected, EndOfSource, Retriable }

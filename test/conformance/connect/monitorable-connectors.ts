/**
 * The monitorable connectors of the stories for our worker: they note each start and stop in a file, and fail and block as their settings
 * or the files of a test say. test/peers/java/monitorable-connectors.java has the same for Kafka Connect; both must do the same.
 */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineConnector, defineSink, defineSource, Retriable, setting, sourceRecord } from '../../../connect/sdk/index.ts'

/** How often a task looks whether the test has released it. */
const LOOK_MS = 20

const shared = {
  monitor: setting.string({ doc: 'The beginning of the names of the files of this connector.' }),
  'num.tasks': setting.int({ default: null, doc: 'The number of task configs; tasks.max where it is not given.' }),
  'fail.connector.start': setting.boolean({ default: false, doc: 'Whether the connector fails when it starts.' }),
  'fail.tasks': setting.list({ default: [], doc: 'The tasks that fail when they start.' }),
  block: setting.string({
    default: '',
    doc: 'Where to wait for the file .release: Connector::validate or ::start, Task::start, ::stop, ::poll, ::put, ::flush, ::open or ::close.',
  }),
  'task.id': setting.string({ default: '', doc: 'The number of the task.' }),
}

interface Shared {
  monitor: string
  'num.tasks': number | null
  'fail.connector.start': boolean
  'fail.tasks': readonly string[]
  block: string
  'task.id': string
}

const note = ({ monitor }: Shared, event: string) => appendFileSync(`${monitor}.events`, `${event}\n`)

async function waitAt(place: string, { monitor, block }: Shared): Promise<void> {
  while (block === place && !existsSync(`${monitor}.release`)) await sleep(LOOK_MS)
}

/** Kafka Connect's validation asks the connector; ours asks it about its system. */
async function validateConnector(config: Shared): Promise<[]> {
  await waitAt('Connector::validate', config)
  return []
}

async function startConnector(config: Shared, most: number): Promise<Record<string, string>[]> {
  note(config, 'connector start')
  await waitAt('Connector::start', config)
  if (config['fail.connector.start']) throw new Error('The connector fails because its config says so')
  return Array.from({ length: config['num.tasks'] ?? most }, (_, task) => ({ 'task.id': String(task) }))
}

async function startTask(config: Shared): Promise<void> {
  note(config, `task ${config['task.id']} start`)
  await waitAt('Task::start', config)
  if (config['fail.tasks'].includes(config['task.id'])) throw new Error('The task fails because its config says so')
}

async function stopTask(config: Shared): Promise<void> {
  note(config, `task ${config['task.id']} stop`)
  await waitAt('Task::stop', config)
}

function failOnCommand({ monitor, 'task.id': task }: Shared): void {
  if (existsSync(`${monitor}.fail-${task}`)) throw new Error('The task fails because the test says so')
}

export const monitorableConnectors = defineConnector({
  name: 'monitorable',
  doc: 'Connectors that tests command and look into.',
  source: defineSource({
    class: 'tributary.test.MonitorableConnectors$MonitorableSourceConnector',
    aliases: ['MonitorableSourceConnector', 'MonitorableSource'],
    settings: {
      ...shared,
      topic: setting.string({ doc: 'The topic of the records.' }),
      'max.messages': setting.long({ default: null, doc: 'The number of records of each task.' }),
      'messages.per.poll': setting.int({ default: 10, doc: 'Records at once.' }),
      'pause.ms': setting.long({ default: 100, doc: 'The time between polls.' }),
    },
    tasks: startConnector,
    checkSystem: validateConnector,
    exactlyOnceSupport: () => 'supported',
    async *read({ config, positions, signal }) {
      const { topic, 'task.id': task, 'max.messages': max, 'messages.per.poll': size, 'pause.ms': pauseMs } = config
      const partition = { 'task.id': task }
      try {
        await startTask(config)
        let n = Number((await positions.get(partition))?.saved ?? 0)
        while (!signal.aborted) {
          await waitAt('Task::poll', config)
          failOnCommand(config)
          const end = Math.min(n + size, Number(max ?? Number.MAX_SAFE_INTEGER))
          const records = []
          for (; n < end; n++) records.push(sourceRecord({ topic, key: `key-${task}-${n + 1}`, value: `value-${task}-${n + 1}` }))
          if (records.length > 0) yield { records, positions: [{ partition, offset: { saved: n } }] }
          await sleep(Number(pauseMs), undefined, { signal }).catch(() => {})
        }
      } finally {
        await stopTask(config)
      }
    },
  }),
  sink: defineSink({
    class: 'tributary.test.MonitorableConnectors$MonitorableSinkConnector',
    aliases: ['MonitorableSinkConnector', 'MonitorableSink'],
    settings: {
      ...shared,
      'put.retries': setting.int({ default: 0, doc: 'How often the task cannot take records for now.' }),
      'errant.value': setting.string({ default: '', doc: 'The value of the records that the task reports instead of taking them.' }),
    },
    tasks: startConnector,
    checkSystem: validateConnector,
    async start({ config, errantRecordReporter }) {
      const reporter = errantRecordReporter?.() ?? null
      await startTask(config)
      let retries = config['put.retries']
      return {
        open: () => waitAt('Task::open', config),
        close: () => waitAt('Task::close', config),
        async write(records) {
          if (records.length === 0) return
          await waitAt('Task::put', config)
          failOnCommand(config)
          if (retries-- > 0) throw new Retriable('The task takes no records for now because its config says so', { afterMs: 100 })
          const errant = records.filter(({ value }) => value === config['errant.value'])
          for (const record of errant) void reporter!.report(record, new Error('The record is errant because the config says so'))
          const taken = records.filter((record) => !errant.includes(record))
          const lines = taken.map(({ topic, partition, offset, value }) => `${topic}-${partition}@${offset} ${value}\n`)
          appendFileSync(`${config.monitor}.records`, lines.join(''))
        },
        flush: () => waitAt('Task::flush', config),
        stop: () => stopTask(config),
      }
    },
  }),
})

/**
 * Chaos for as long as one likes: `npm run chaos -- --rounds 50` kills and pauses a broker of ours under the workload and judges the
 * history, which is written to a file if it has an anomaly. `--java` adds Java's client, `--bootstrap HOST:PORT --seconds N` runs the
 * workload without faults against any cluster, `--seed N` repeats the moments of a run.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { check, report } from '../history/check.ts'
import type { History } from '../history/history.ts'
import { startWorkload } from '../history/workload.ts'
import { kafkaScript } from '../peers/apache-kafka.ts'
import { seededRandom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { chaosSettings } from './chaos-settings.ts'
import { alternating, faultRounds } from './fault-rounds.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string' },
    java: { type: 'boolean', default: false },
    bootstrap: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    'longest-pause-ms': { type: 'string', default: '8000' },
  },
})
const random = seededRandom(values.seed === undefined ? undefined : Number(values.seed))
const javaScript = values.java ? kafkaScript() : undefined

async function withoutFaults(bootstrap: string): Promise<History> {
  const workload = await startWorkload({ bootstrap, random, javaScript })
  await pause(Number(values.seconds) * 1_000)
  return workload.finish()
}

async function withFaults(): Promise<History> {
  const broker = await startTestBroker(chaosSettings)
  try {
    const workload = await startWorkload({ bootstrap: broker.address, random, javaScript })
    await faultRounds(workload, broker, {
      rounds: alternating(Number(values.rounds)),
      random,
      longestPauseMs: Number(values['longest-pause-ms']),
      onRound: (round, fault) => console.log(`round ${round}: ${fault}; ${summary(workload.progress())}`),
    })
    return await workload.finish()
  } catch (error) {
    console.error(broker.output)
    throw error
  } finally {
    await broker.stop()
  }
}

const summary = (progress: ReadonlyMap<string, number>) => [...progress].map(([name, count]) => `${name} ${count}`).join(', ')

const history = await (values.bootstrap ? withoutFaults(values.bootstrap) : withFaults())
const { failures, permitted } = check(history)
const endings = Map.groupBy(history.operations, ({ process, ending }) => `${process} ${ending}`)
console.log(`${history.operations.length} operations: ${[...endings].map(([name, { length }]) => `${name} ${length}`).join(', ')}`)
if (permitted.length > 0) console.log(`permitted by Apache Kafka:\n${report(permitted)}`)
if (failures.length > 0) {
  const file = join(mkdtempSync(join(tmpdir(), 'tributary-history-')), 'history.json')
  writeFileSync(file, JSON.stringify(history))
  console.error(`${report(failures)}\nthe history is in ${file}`)
} else console.log('no anomaly')
// Clients that hang after an anomaly would keep the process.
process.exit(failures.length > 0 ? 1 : 0)

/**
 * A source whose records take much of a processor: each is hashed again and again. The benchmark runs it in the main thread and in threads.
 */
import { createHash } from 'node:crypto'
import { defineConnector, defineSource, setting, sourceRecord } from '../../connect/sdk/index.ts'

const BATCH = 20

function hashed(text: string, rounds: number): string {
  let hash = text
  for (let round = 0; round < rounds; round++) hash = createHash('sha256').update(hash).digest('hex')
  return hash
}

export default defineConnector({
  name: 'hashing',
  doc: 'Hashes numbers.',
  version: '1.0',
  source: defineSource({
    class: 'bench.HashingSourceConnector',
    settings: {
      topic: setting.string({ doc: 'The topic.' }),
      count: setting.int({ doc: 'Records of each task.' }),
      rounds: setting.int({ doc: 'Hashes of each record.' }),
    },
    tasks: (_config, most) => Array.from({ length: most }, () => ({})),
    async *read({ config, task, signal }) {
      for (let n = 0; n < config.count && !signal.aborted; n += BATCH) {
        const records = Array.from({ length: BATCH }, (_, at) =>
          sourceRecord({ topic: config.topic, key: null, value: hashed(`${task}:${n + at}`, config.rounds) }),
        )
        yield { records, positions: [{ partition: { task }, offset: { n: n + BATCH } }] }
      }
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    },
  }),
})

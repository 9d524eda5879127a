/** A source of a plugin.path: it counts up to a number that its fixture raises. */
import { setTimeout as pause } from 'node:timers/promises'
import { defineConnector, defineSource, setting, sourceRecord } from 'tributary/connect/sdk'
import type { ContractFixtures } from '../../../connect/contract/index.ts'

const BATCH = 40
const WAIT_MS = 5

/** How far each counter has come. */
const counters = new Map<string, number>()

export default defineConnector({
  name: 'numbers',
  doc: 'Counts.',
  version: '1.0.0',
  source: defineSource({
    class: 'test.contract.NumbersSourceConnector',
    settings: { counter: setting.string({ doc: 'The name of the counter.' }) },
    async *read({ config: { counter }, positions, signal }) {
      let next = Number((await positions.get({ counter }))?.next ?? 0)
      while (!signal.aborted) {
        const end = Math.min(counters.get(counter) ?? 0, next + BATCH)
        if (end === next) {
          await pause(WAIT_MS)
          continue
        }
        const records = Array.from({ length: end - next }, (_, at) => sourceRecord({ topic: 'numbers', key: null, value: next + at }))
        next = end
        yield { records, positions: [{ partition: { counter }, offset: { next } }] }
      }
    },
  }),
})

export const fixtures: ContractFixtures = {
  'test.contract.NumbersSourceConnector'() {
    const counter = `counter-${counters.size}`
    counters.set(counter, 0)
    const add = async (count: number) => void counters.set(counter, counters.get(counter)! + count)
    return { config: { counter }, fill: add, more: add, numberOf: Number }
  },
}

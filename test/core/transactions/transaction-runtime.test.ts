/**
 * Goal: whatever producers ask, and whenever the coordinator crashes, a transaction has one end: all of its partitions get the same marker,
 * what was acknowledged happens, and epochs never go back (Invariants 1 and 4). Method: random requests, failures and crashes against the
 * real coordinator; a model remembers what was acknowledged.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settle } from '../groups/memory-store.ts'
import { openTransactions, type TestTransactions, t } from './memory-state.ts'

type Step =
  | { do: 'init'; producer: number }
  | { do: 'add'; producer: number; partition: number }
  | { do: 'end'; producer: number; committed: boolean; version: 4 | 5; waits: boolean }
  | { do: 'retry' }
  | { do: 'timeout' }
  | { do: 'failLog'; isFailing: boolean }
  | { do: 'failMarker'; partition: number; times: number }
  | { do: 'crash' }

const producer = fc.nat(1)
const partition = fc.nat(3)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('init' as const), producer }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), producer, partition }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      producer,
      committed: fc.boolean(),
      version: fc.constantFrom(4 as const, 5 as const),
      waits: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'retry' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'timeout' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('failLog' as const), isFailing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('failMarker' as const), partition, times: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'crash' as const }) },
)

interface Identity {
  transactionalId: string
  producerId: number
  producerEpoch: number
}

/** One producer process: what it believes it is, and which partitions its transaction has. */
interface Producer {
  identity: Identity | null
  /** With the markers that each had when it joined: those of earlier transactions. */
  partitions: Map<number, number>
}

/** An end that was acknowledged to a producer. */
interface Acknowledged {
  committed: boolean
  producerId: number
  /** The marker may be older than the acknowledgement: an abort that fenced the producer is what it asked for, as in Kafka. */
  partitions: ReadonlyMap<number, number>
}

class World {
  current: TestTransactions
  readonly producers: Producer[] = [0, 1].map(() => ({ identity: null, partitions: new Map<number, number>() }))
  readonly acknowledged: Acknowledged[] = []
  lastEnd: { request: Identity & { committed: boolean }; version: number; response: Identity } | null = null
  highest = { producerId: -1, producerEpoch: -1 }

  constructor(current: TestTransactions) {
    this.current = current
  }

  rises({ producerId, producerEpoch }: { producerId: number; producerEpoch: number }): void {
    const { highest } = this
    expect(producerId > highest.producerId || (producerId === highest.producerId && producerEpoch >= highest.producerEpoch)).toBe(true)
    this.highest = { producerId, producerEpoch }
  }

  async run(step: Step): Promise<void> {
    const { transactions, state, markers, clock } = this.current
    switch (step.do) {
      case 'init': {
        const one = this.producers[step.producer]!
        const request = { transactionalId: 'tx', transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }
        const response = await transactions.initProducerId({ ...request, enable2Pc: false, keepPreparedTxn: false })
        one.partitions.clear()
        one.identity = null
        if (response.error !== 'NONE') return
        one.identity = { transactionalId: 'tx', producerId: response.producerId, producerEpoch: response.producerEpoch }
        this.rises(response)
        return
      }
      case 'add': {
        const { identity, partitions } = this.producers[step.producer]!
        if (!identity) return
        const asked = transactions.verifyPartitions(identity, [t(step.partition)], true)
        await clock.pass(150)
        const isAdded = (await asked).size === 0
        if (isAdded && !partitions.has(step.partition)) partitions.set(step.partition, markers.of(`t-${step.partition}`).length)
        return
      }
      case 'end': {
        const one = this.producers[step.producer]!
        if (!one.identity) return
        const request = { ...one.identity, committed: step.committed }
        const response = await transactions.endTransaction(request, step.version)
        if (response.error === 'NONE') {
          this.acknowledged.push({ committed: step.committed, producerId: request.producerId, partitions: new Map(one.partitions) })
          one.partitions.clear()
          if (step.version === 5) {
            one.identity = { transactionalId: 'tx', producerId: response.producerId, producerEpoch: response.producerEpoch }
            this.lastEnd = { request, version: 5, response: one.identity }
            this.rises(response)
          }
        } else if (response.error !== 'CONCURRENT_TRANSACTIONS' && response.error !== 'COORDINATOR_NOT_AVAILABLE') one.identity = null
        if (step.waits) await settle()
        return
      }
      case 'retry': {
        if (!this.lastEnd) return
        const { request, version, response } = this.lastEnd
        const again = await transactions.endTransaction(request, version)
        const isCurrent = this.highest.producerId === response.producerId && this.highest.producerEpoch === response.producerEpoch
        // Nothing has happened since: it is the same response, or not yet.
        if (again.error === 'NONE' && isCurrent) expect(again).toMatchObject({ producerEpoch: response.producerEpoch })
        return
      }
      case 'timeout':
        await clock.pass(75_000)
        for (const one of this.producers) one.partitions.clear()
        return
      case 'failLog':
        state.failure = step.isFailing ? 'NOT_ENOUGH_REPLICAS' : null
        return
      case 'failMarker':
        markers.errors.set(`t-${step.partition}`, Array(step.times).fill('KAFKA_STORAGE_ERROR'))
        return
      case 'crash':
        this.current = await this.current.restart()
    }
  }

  /** Everything that is decided is done: no failures, and time for all retries and timeouts. */
  async rest(): Promise<void> {
    this.current.state.failure = null
    await this.current.clock.pass(120_000)
  }

  check(): void {
    const { markers } = this.current
    for (const { committed, producerId, partitions } of this.acknowledged) {
      for (const [index, before] of partitions) {
        const after = markers.written.filter((marker) => marker.partition === `t-${index}`).slice(before)
        const first = after.find((marker) => marker.producerId === producerId)
        expect(first?.committed, `t-${index} of an acknowledged end`).toBe(committed)
      }
    }
    const ends = new Map<string, boolean>()
    for (const { producerId, producerEpoch, committed, transactionVersion } of markers.written) {
      if (transactionVersion < 2) continue
      const key = `${producerId}/${producerEpoch}`
      expect(ends.get(key) ?? committed, `two ends of ${key}`).toBe(committed)
      ends.set(key, committed)
    }
  }
}

test('one end for each transaction, whatever happens', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = new World(await openTransactions())
      for (const one of steps) await world.run(one)
      await world.rest()
      world.check()
      const [described] = await world.current.transactions.describe(['tx'])
      if (described!.error === 'NONE') expect(['Empty', 'CompleteCommit', 'CompleteAbort']).toContain(described!.state)
      expect(world.current.transactions.counters).toMatchObject({ ongoing: 0, pendingMarkers: 0 })
      await world.current.transactions.close()
    }),
    { numRuns: 150 },
  )
})

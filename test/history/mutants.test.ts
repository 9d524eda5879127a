/**
 * Goal: the workload and the checker find a broker that breaks a promise, and name what it does. Method: mutants of our broker, each with
 * one mistake, under the workload; a mutant whose text is not in the sources any more fails.
 */
import { expect, onTestFinished, test } from 'vitest'
import { randomFrom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import type { AnomalyName } from './anomaly.ts'
import { check, report } from './check.ts'
import { mutantEnvironment, mutationOf, type Replacement } from './mutant.ts'
import { startWorkload } from './workload.ts'

interface Mutant {
  readonly replacements: readonly Replacement[]
  /** One of these is found. */
  readonly expects: readonly AnomalyName[]
  /** The mistake shows after a kill only. */
  readonly isKilled?: true
}

/** So many that some were aborted. */
const TRANSACTIONS = 16

const partitionLog = 'core/log/partition-log.ts'
const producerState = 'core/log/producer-state.ts'

const mutants: Readonly<Record<string, Mutant>> = {
  'acknowledges an append that it drops': {
    replacements: [
      {
        file: partitionLog,
        text: 'return this.#enqueue(bytes, header, now, null)',
        by: `if (this.topic === 'events' && this.logEndOffset % 5 === 3) {
          header.baseOffset = this.logEndOffset
          header.lastOffset = header.baseOffset + header.lastOffsetDelta
          if (header.producerId >= 0) this.#producers.apply(header)
          this.logEndOffset = header.lastOffset + 1
          return this.#duplicateResult(header)
        }
        return this.#enqueue(bytes, header, now, null)`,
      },
    ],
    expects: ['lost-write', 'unseen'],
  },
  'gives an offset twice': {
    replacements: [
      {
        file: partitionLog,
        text: 'this.logEndOffset = header.lastOffset + 1',
        by: `if (this.topic !== 'events' || (this.appends = (this.appends ?? 0) + 1) % 5 !== 0) this.logEndOffset = header.lastOffset + 1`,
      },
    ],
    expects: ['inconsistent-offsets'],
  },
  'acknowledges before it writes, and forgets when it is killed': {
    replacements: [
      {
        file: 'core/log/log-writer.ts',
        text: 'if (this.#queue.length === 0) this.#context.scheduler.add(this)',
        by: `if (!this.#segments.folder.includes('events-')) {
          if (this.#queue.length === 0) this.#context.scheduler.add(this)
        } else if (this.#queue.length === 0) this.#context.clock.after(1_000, () => this.writeQueued())`,
      },
      {
        file: partitionLog,
        text: `      commit.written,
      commit.durable,`,
        by: `      this.topic === 'events' ? resolved : commit.written,
      this.topic === 'events' ? resolved : commit.durable,`,
      },
    ],
    expects: ['lost-write', 'inconsistent-offsets', 'duplicate', 'end-before-record'],
    isKilled: true,
  },
  'forgets that a transaction was aborted': {
    replacements: [{ file: producerState, text: 'const aborted = marker.commit ? null :', by: 'const aborted = true ? null :' }],
    expects: ['aborted-read'],
  },
  'moves the last stable offset to the high watermark': {
    replacements: [
      {
        file: partitionLog,
        text: "return bound === 'lastStableOffset' ? this.lastStableOffset : this.#writtenOffset",
        by: "return bound === 'lastStableOffset' ? this.highWatermark : this.#writtenOffset",
      },
    ],
    expects: ['precommitted-read', 'aborted-read'],
  },
  'ends a transaction in one of its partitions only': {
    replacements: [
      {
        file: 'core/transactions/marker-sender.ts',
        text: 'await Promise.all(Array.from(partitions.values(), write))',
        by: 'await Promise.all(Array.from(partitions.values()).slice(0, 1).map(write))',
      },
    ],
    expects: ['stuck-last-stable-offset'],
  },
  'never completes a transaction that it has decided': {
    replacements: [
      {
        file: 'core/transactions/marker-sender.ts',
        text: 'return results.every((isWritten) => isWritten)',
        by: "return !transactionalId.startsWith('platformatic') && results.every((isWritten) => isWritten)",
      },
    ],
    expects: ['hanging-transaction'],
  },
  'aborts what it has committed': {
    replacements: [{ file: 'core/transactions/marker-sender.ts', text: "committed: state === 'PrepareCommit'", by: 'committed: false' }],
    expects: ['lost-write', 'unseen', 'lost-commit'],
  },
  'acknowledges the position of a group and does not keep it': {
    replacements: [
      {
        file: 'core/groups/offset-commit.ts',
        text: `offsets.completeCommit(commit, stored)
    registry.removeIfUnused(registered)`,
        by: `offsets.completeCommit(commit, false)
    registry.removeIfUnused(registered)`,
      },
    ],
    expects: ['lost-commit'],
  },
}

test.each(Object.entries(mutants))(
  'a broker that %s',
  async (_, { replacements, expects, isKilled }) => {
    const random = randomFrom(1)
    const broker = await startTestBroker(
      { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500 },
      mutantEnvironment(replacements),
    )
    onTestFinished(() => broker.stop())
    const workload = await startWorkload({ bootstrap: broker.address, random, endMs: 4_000 })
    const written = (name: string) => workload.progress().get(name)!
    const transactional = workload.writers.filter((name) => name.endsWith('transactions'))
    const hasWritten = () =>
      workload.writers.every((name) => written(name) > 0) && transactional.reduce((sum, name) => sum + written(name), 0) >= TRANSACTIONS
    await until(hasWritten, `operations of each writer, and ${TRANSACTIONS} transactions`, 60_000)
    if (isKilled) {
      await broker.kill()
      await broker.start()
      const before = workload.writers.map(written)
      await until(() => workload.writers.some((name, i) => written(name) > before[i]! + 10), 'ten operations after the kill', 30_000)
    }
    const history = await workload.finish()
    for (const { file } of replacements) expect(broker.output).toContain(mutationOf(file))
    const { failures } = check(history)
    const names = new Set(failures.map(({ name }) => name))
    console.log(report(failures))
    expect(
      expects.some((name) => names.has(name)),
      `one of ${expects.join(', ')}; found ${[...names].join(', ') || 'nothing'}`,
    ).toBe(true)
  },
  120_000,
)

test('a mutant whose text is not in the sources does not start', async () => {
  const gone = [{ file: partitionLog, text: 'text that is not there', by: '' }]
  await expect(startTestBroker({}, mutantEnvironment(gone))).rejects.toThrow('contains 0 times instead of once')
})

/**
 * Goal: no request waits without end for a coordinator that reads its topic: its client is told to try again, as Apache Kafka does at once.
 * Method: topics in memory whose reads last until the test ends them, and a clock that the test advances.
 */
import { expect, test } from 'vitest'
import { errorCode } from '../../core/errors.ts'
import { createGroupCoordinator } from '../../core/groups/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { MemoryStore, settings, settle, TestClock } from '../core/groups/memory-store.ts'
import { MemoryState, openTransactions } from '../core/transactions/memory-state.ts'

const LOAD_WAIT_MS = 2_000

class SlowState extends MemoryState {
  endLoads = () => {}
  readonly #loads = new Promise<void>((resolve) => {
    this.endLoads = resolve
  })

  override async *load(partition: number) {
    await this.#loads
    yield* super.load(partition)
  }
}

class SlowStore extends MemoryStore {
  endLoads = () => {}
  readonly #loads = new Promise<void>((resolve) => {
    this.endLoads = resolve
  })

  override async *load(partition: number) {
    await this.#loads
    yield* super.load(partition)
  }
}

const init = {
  transactionalId: 'tx',
  transactionTimeoutMs: 60_000,
  producerId: -1,
  producerEpoch: -1,
  enable2Pc: false,
  keepPreparedTxn: false,
}
const all = { stateFilters: [], producerIdFilters: [], durationFilterMs: -1, transactionalIdPattern: null }

test('the transaction coordinator', async () => {
  const state = new SlowState()
  const { transactions, clock } = await openTransactions(state)
  const requests = Promise.all([transactions.initProducerId(init), transactions.list(all), transactions.describe(['tx'])])
  await clock.pass(LOAD_WAIT_MS)
  const error = 'COORDINATOR_LOAD_IN_PROGRESS'
  expect(await requests).toMatchObject([{ error }, { error }, [{ error }]])
  const waiting = transactions.initProducerId(init)
  state.endLoads()
  expect(await waiting).toMatchObject({ error: 'NONE', producerEpoch: 0 })
  expect(await transactions.list(all)).toMatchObject({ error: 'NONE', transactions: [{ transactionalId: 'tx' }] })
  await transactions.close()
})

test('what was read of a topic that was deleted meanwhile is not known', async () => {
  const before = await openTransactions()
  expect(await before.transactions.initProducerId(init)).toMatchObject({ error: 'NONE' })
  const state = new SlowState()
  for (const [index, records] of before.state.log.entries()) state.log[index]!.push(...records)
  // A copy: the deletion removes the records after they were read.
  state.load = async function* (partition) {
    const records = [...this.log[partition]!]
    yield* records
    await loads
  }
  let endLoads = () => {}
  const loads = new Promise<void>((resolve) => {
    endLoads = resolve
  })
  const { transactions } = await openTransactions(state)
  const waiting = transactions.describe(['tx'])
  await settle()
  state.delete()
  state.exists = true
  endLoads()
  expect(await waiting).toMatchObject([{ error: 'COORDINATOR_NOT_AVAILABLE' }])
  expect(await transactions.describe(['tx'])).toMatchObject([{ error: 'TRANSACTIONAL_ID_NOT_FOUND' }])
  await Promise.all([before.transactions.close(), transactions.close()])
})

test('the group coordinator', async () => {
  const store = new SlowStore()
  const clock = new TestClock()
  const groups = await createGroupCoordinator(store, settings, { ...realSystem('silent'), clock })
  const caller = { version: 4, clientId: 'test', peer: { host: 'localhost', onClose: () => () => {} } }
  const heartbeat = { groupId: 'g', memberId: 'm', generationId: 1, groupInstanceId: null }
  const requests = Promise.all([
    groups.heartbeat(heartbeat, caller as never),
    groups.list({ statesFilter: [], typesFilter: [] }, caller as never),
  ])
  await clock.pass(LOAD_WAIT_MS)
  const code = errorCode('COORDINATOR_LOAD_IN_PROGRESS')
  expect(await requests).toMatchObject([{ errorCode: code }, { errorCode: code }])
  const waiting = groups.heartbeat(heartbeat, caller as never)
  store.endLoads()
  expect(await waiting).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') })
  await groups.close()
})

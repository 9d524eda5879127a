/**
 * Goal: the pattern of a ListTransactions request has RE2's syntax, as in Apache Kafka, and none makes the broker stand still. Method:
 * patterns on which a backtracking engine takes for ever, and one that compiles for long, while other requests are sent.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import listTransactions from '../../core/apis/66-list-transactions.ts'
import { errorCode } from '../../core/errors.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import type { RawClient } from '../raw-client.ts'
import { until } from '../until.ts'

const ids = ['abc', 'a.b', 'tx\n1', 'ünï', 'a'.repeat(5_000)]
const any = { stateFilters: [], producerIdFilters: [], durationFilter: -1 }

let server: BrokerInProcess
let client: RawClient

beforeAll(async () => {
  server = await brokerInProcess({ 'transaction.state.log.num.partitions': '2' })
  client = await server.client()
  await client.send(findCoordinator, 4, { coordinatorKeys: ids, keyType: 1 })
  for (const transactionalId of ids)
    await until(
      async () => (await client.send(initProducerId, 5, { transactionalId, transactionTimeoutMs: 60_000 })).errorCode === 0,
      'the producer is initialized',
    )
})
afterAll(() => server?.stop())

async function list(transactionalIdPattern: string): Promise<number | string[]> {
  const response = await client.send(listTransactions, 2, { ...any, transactionalIdPattern })
  return response.errorCode || response.transactionStates.map(({ transactionalId }) => ids.indexOf(transactionalId).toString()).sort()
}

test.each([
  ['', ['0', '1', '2', '3', '4']],
  ['a.*', ['0', '1', '4']],
  ['ab', []],
  ['.*', ['0', '1', '3', '4']],
  ['(?s).*', ['0', '1', '2', '3', '4']],
  ['\\Qa.b\\E', ['1']],
  ['(?P<first>a)bc', ['0']],
  ['\\p{Latin}+', ['0', '3', '4']],
  ['(?i)ABC', ['0']],
])('pattern %j', async (pattern, expected) => {
  expect(await list(pattern)).toEqual(expected)
})

test.each(['(', '(a)\\1', '(?=a)abc', '(?<=a)bc', 'a++', ')|(', '\\p{Alpha}+', '\\u0061', '[z-a]', 'a{1001}', 'a'.repeat(1_001)])(
  'pattern %j is invalid',
  async (pattern) => {
    expect(await list(pattern)).toBe(errorCode('INVALID_REGULAR_EXPRESSION'))
  },
)

test.each(['(a+)+$b', '(a|a)*b'])('pattern %j does not backtrack', async (pattern) => {
  expect(await list(pattern)).toEqual([])
})

test('a pattern that compiles for long delays no other request', async () => {
  const other = await server.client()
  const finished: string[] = []
  const listing = list('(?:a{1000})'.repeat(80)).then((listed) => {
    finished.push('ListTransactions')
    return listed
  })
  for (let count = 0; count < 3; count++) {
    await other.send(apiVersions, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
    finished.push('ApiVersions')
  }
  expect(await listing).toEqual([])
  expect(finished).toEqual(['ApiVersions', 'ApiVersions', 'ApiVersions', 'ListTransactions'])
})

/**
 * Goal: quorum-state is read and written as Apache Kafka does, in both versions, and what is no quorum state is refused. Method: the bytes
 * that Apache Kafka 4.3.1 writes.
 */
import { expect, test } from 'vitest'
import { formatQuorumState, parseQuorumState } from '../../../core/cluster/quorum-state.ts'

const fixed =
  '{"clusterId":"","leaderId":1,"leaderEpoch":3,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}'
const dynamic = '{"leaderId":1,"leaderEpoch":3,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}'

test('is written as Kafka writes it', () => {
  expect(formatQuorumState(1, 3, 0)).toBe(fixed)
  expect(formatQuorumState(1, 3, 1)).toBe(dynamic)
})

test('is read back', () => {
  expect(parseQuorumState(fixed)).toEqual({ leaderId: 1, leaderEpoch: 3, voters: [1] })
  expect(parseQuorumState(dynamic)).toEqual({ leaderId: 1, leaderEpoch: 3, voters: null })
})

test.each([
  ['', /not JSON/],
  ['{"leaderId":1,"leaderEpoch":3,"data_version":2}', /data_version is 2/],
  ['{"leaderEpoch":3,"data_version":1}', /leaderId or leaderEpoch is missing/],
])('%s is refused', (text, message) => {
  expect(() => parseQuorumState(text)).toThrow(message)
})

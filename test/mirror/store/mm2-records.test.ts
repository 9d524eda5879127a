/**
 * Goal: MirrorMaker 2 reads what we write into its topics, and we what it wrote. Method: bytes that Kafka 4.3.1's own classes gave, both
 * ways.
 */
import { describe, expect, test } from 'vitest'
import {
  decodeCheckpoint,
  decodeOffsetSync,
  decodePosition,
  encodeCheckpoint,
  encodeHeartbeat,
  encodeOffsetSync,
  encodePosition,
} from '../../../mirror/store/mm2-records.ts'

const hex = ({ key, value }: { key: Buffer; value: Buffer }) => [key.toString('hex'), value.toString('hex')]
const bytes = (text: string) => Buffer.from(text, 'hex')

describe("MirrorMaker 2's records", () => {
  test('offset sync', () => {
    const sync = { topic: 'orders', partition: 3, upstreamOffset: 1234567890123, downstreamOffset: 987654321 }
    expect(hex(encodeOffsetSync(sync))).toEqual(['00066f726465727300000003', '0000011f71fb04cb000000003ade68b1'])
    expect(decodeOffsetSync(bytes('00066f726465727300000003'), bytes('0000011f71fb04cb000000003ade68b1'))).toEqual(sync)
  })

  test('checkpoint', () => {
    const checkpoint = { group: 'group-1', topic: 'us.orders', partition: 7, upstreamOffset: 42, downstreamOffset: 17, metadata: 'meta' }
    const [key, value] = ['000767726f75702d31000975732e6f726465727300000007', '0000000000000000002a000000000000001100046d657461']
    expect(hex(encodeCheckpoint(checkpoint))).toEqual([key, value])
    expect(decodeCheckpoint(bytes(key!), bytes(value!))).toEqual(checkpoint)
  })

  test('heartbeat', () => {
    const heartbeat = { sourceAlias: 'us', targetAlias: 'central', timestamp: 1700000000123 }
    expect(hex(encodeHeartbeat(heartbeat))).toEqual(['00027573000763656e7472616c', '00000000018bcfe5687b'])
  })

  test("a position in Kafka Connect's format; those of other connectors are ignored", () => {
    const position = { connector: 'MirrorSourceConnector', cluster: 'us', topic: 'orders', partition: 3, offset: 41 }
    const { key, value } = encodePosition(position)
    expect(key.toString()).toBe('["MirrorSourceConnector",{"cluster":"us","partition":3,"topic":"orders"}]')
    expect(value!.toString()).toBe('{"offset":41}')
    expect(decodePosition(key, value)).toEqual(position)
    expect(decodePosition(key, null)).toEqual({ ...position, offset: null })
    expect(decodePosition(Buffer.from('["MirrorHeartbeatConnector",{"sourceClusterAlias":"us"}]'), Buffer.from('{}'))).toBeUndefined()
  })
})

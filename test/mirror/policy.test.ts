/**
 * Goal: topics are named as Kafka's own policies name them. Method: names that Kafka 4.3.1's two policies gave (test/golden), for three
 * separators with the internal separator on and off; then cycles by hand.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createPolicy, isCycle, policyKind } from '../../mirror/policy.ts'

interface Row {
  class: string
  sep: string
  inner: boolean
  syncs: string
  checkpoints: string
  remote: string
  beats: string
  topics: [topic: string, source: string | null, upstream: string | null, original: string, internal: boolean, checkpoints: boolean][]
}
const rows: Row[] = JSON.parse(readFileSync(join(import.meta.dirname, '../golden/mirror-policy-names.json'), 'utf8'))
const of = (className: string, separator = '.', inner = true) =>
  createPolicy({ className, separator, internalSeparatorEnabled: inner, sourceAlias: 'us' })

describe('replication policies', () => {
  test.each(rows)('$class with separator $sep, internal $inner', (row) => {
    const policy = of(row.class, row.sep, row.inner)
    expect(policy.offsetSyncsTopic('X')).toBe(row.syncs)
    expect(policy.checkpointsTopic('X')).toBe(row.checkpoints)
    expect(policy.remoteTopic('us', 't')).toBe(row.remote)
    expect(policy.remoteTopic('us', 'heartbeats')).toBe(row.beats)
    for (const [topic, source, upstream, original, internal] of row.topics) {
      const names = [policy.topicSource(topic), policy.upstreamTopic(topic), policy.originalTopic(topic), policy.isInternal(topic)]
      expect([topic, ...names]).toEqual([topic, source, upstream, original, internal])
    }
    expect(policy.isInternal(policy.offsetMapTopic('us'))).toBe(true)
  })

  test('fully qualified and simple class names; others are refused by name', () => {
    expect(policyKind('org.apache.kafka.connect.mirror.IdentityReplicationPolicy')).toBe('identity')
    expect(policyKind('DefaultReplicationPolicy')).toBe('default')
    expect(() => of('com.example.MyPolicy')).toThrow(/replication\.policy\.class.*com\.example\.MyPolicy.*DefaultReplicationPolicy/)
  })

  test('a topic that was replicated from the target is a cycle, over any number of hops', () => {
    const policy = of('DefaultReplicationPolicy')
    expect(isCycle(policy, 'orders', 'central')).toBe(false)
    expect(isCycle(policy, 'central.orders', 'central')).toBe(true)
    expect(isCycle(policy, 'eu.central.orders', 'central')).toBe(true)
    expect(isCycle(policy, 'eu.orders', 'central')).toBe(false)
    expect(isCycle(of('IdentityReplicationPolicy'), 'central.orders', 'central')).toBe(false)
  })
})

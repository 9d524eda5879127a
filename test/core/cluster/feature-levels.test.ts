/**
 * Goal: a cluster has the feature levels that Apache Kafka gives it, and dependencies are known. Method: the output of Apache Kafka 4.3.1's
 * `kafka-storage version-mapping` and `feature-dependencies`.
 */
import { describe, expect, it } from 'vitest'
import { defaultLevels, featureDependencies, versionMapping } from '../../../core/cluster/feature-levels.ts'
import { metadataVersionLevel } from '../../../core/cluster/features.ts'

describe('levels of a new cluster', () => {
  it.each([
    // release, metadata.version, kraft, transaction, group, eligible.leader.replicas, share, streams
    ['3.3-IV3', 7, 0, 0, 0, 0, 0, 0],
    ['3.7', 19, 0, 0, 0, 0, 0, 0],
    ['3.8-IV0', 20, 0, 0, 0, 0, 0, 0],
    ['3.9-IV0', 21, 1, 0, 0, 0, 0, 0],
    ['4.0-IV0', 22, 1, 0, 1, 0, 0, 0],
    ['4.0-IV1', 23, 1, 0, 1, 0, 0, 0],
    ['4.0-IV2', 24, 1, 2, 1, 0, 0, 0],
    ['4.0', 25, 1, 2, 1, 0, 0, 0],
    ['4.1-IV0', 26, 1, 2, 1, 1, 0, 0],
    ['4.1', 27, 1, 2, 1, 1, 0, 0],
    ['4.2-IV0', 28, 1, 2, 1, 1, 1, 0],
    ['4.2', 29, 1, 2, 1, 1, 1, 1],
    ['4.3', 30, 1, 2, 1, 1, 1, 1],
  ] as const)('%s', (release, level, ...levels) => {
    expect(metadataVersionLevel(release)).toBe(level)
    expect([...defaultLevels(level).values()]).toEqual(levels)
  })

  it('are printed as kafka-storage does', () => {
    expect(versionMapping()).toEqual([
      'metadata.version=30 (4.3-IV0)',
      'kraft.version=1',
      'transaction.version=2',
      'group.version=1',
      'eligible.leader.replicas.version=1',
      'share.version=1',
      'streams.version=1',
    ])
    expect(versionMapping('3.9')[0]).toBe('metadata.version=21 (3.9)')
    expect(() => versionMapping('5.0')).toThrow("Unknown metadata.version '5.0'. Supported metadata.version are: 3.3-IV3, 3.4-IV0,")
  })
})

describe('dependencies', () => {
  it('are printed as kafka-storage does', () => {
    expect(featureDependencies('eligible.leader.replicas.version=1')).toEqual([
      'eligible.leader.replicas.version=1 requires:',
      '    metadata.version=23 (4.0-IV1)',
    ])
    expect(featureDependencies('transaction.version=2')).toEqual(['transaction.version=2 has no dependencies.'])
    expect(featureDependencies('metadata.version=20')).toEqual(['metadata.version=20 (3.8-IV0) has no dependencies.'])
    expect(() => featureDependencies('transaction.version=9')).toThrow('Feature level 9 is not supported for feature transaction.version')
    expect(() => featureDependencies('bla=1')).toThrow('Unknown feature: bla')
    expect(() => featureDependencies('bla')).toThrow("Can't parse feature=level string bla: level not found")
  })
})

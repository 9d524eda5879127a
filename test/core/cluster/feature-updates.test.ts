/**
 * Goal: UpdateFeatures accepts and refuses what Kafka's controller does, in its words. Method: the pure decision as a table.
 */
import { describe, expect, test } from 'vitest'
import { featureUpdateRecords } from '../../../core/cluster/feature-updates.ts'
import { checkMetadataVersion, metadataVersionLevel, metadataVersionName, unsupportedFeatures } from '../../../core/cluster/features.ts'

const finalized = new Map([
  ['metadata.version', 27],
  ['transaction.version', 1],
  ['share.version', 1],
])

describe('updates', () => {
  test.each([
    ['metadata.version', 30, 1, 30],
    ['transaction.version', 2, 1, 2],
    ['transaction.version', 0, 2, 0],
    ['transaction.version', 0, 3, 0],
    ['transaction.version', 1, 1, null],
    ['share.version', 0, 2, 0],
    ['metadata.version', 31, 1, 'only supports versions 7-30'],
    ['metadata.version', 26, 1, "Can't downgrade the version of this feature without setting the upgrade type"],
    ['metadata.version', 26, 2, 26],
    ['metadata.version', 23, 2, 23],
    ['metadata.version', 23, 3, 23],
    ['metadata.version', 22, 2, 'Refusing to perform the requested downgrade'],
    ['metadata.version', 22, 3, 'Unsafe metadata downgrade is not supported'],
    ['metadata.version', 30, 2, "Can't downgrade to a newer version."],
    ['transaction.version', 2, 9, 'does not support the given upgrade type'],
    ['group.version', 1, 1, 'only supports versions 0-0'],
    ['share.version', 2, 1, 'does not support this feature'],
    ['nonsense', 1, 1, 'does not support this feature'],
    ['kraft.version', 0, 2, "Can't downgrade the version of this feature."],
  ])('%s to %i with type %i', (name, level, upgradeType, expected) => {
    const update = () => featureUpdateRecords(1, finalized, 1, [{ name, level, upgradeType }])
    if (typeof expected === 'string') expect(update).toThrow(expected)
    else expect(update()).toEqual(expected === null ? [] : [{ type: 'FeatureLevelRecord', name, featureLevel: expected }])
  })

  test('one that is refused refuses all', () => {
    const good = { name: 'transaction.version', level: 2, upgradeType: 1 }
    expect(() => featureUpdateRecords(1, finalized, 1, [good, { ...good, level: 3 }])).toThrow('only supports versions 0-2')
  })
})

test('names and levels of metadata.version', () => {
  expect([metadataVersionName(7), metadataVersionName(25), metadataVersionName(30)]).toEqual(['3.3-IV3', '4.0-IV3', '4.3-IV0'])
  expect([metadataVersionLevel('4.1'), metadataVersionLevel('4.0-IV1'), metadataVersionLevel('9.9')]).toEqual([27, 23, undefined])
  expect(() => checkMetadataVersion(31, 'f')).toThrow(/31, .* 7 \(3\.3-IV3\) to 30 \(4\.3-IV0\): downgrade/)
  expect(() => checkMetadataVersion(6, 'f')).toThrow('upgrade it')
})

test('finalized features that this release does not have are named', () => {
  expect(unsupportedFeatures(finalized)).toEqual(['share.version=1'])
})

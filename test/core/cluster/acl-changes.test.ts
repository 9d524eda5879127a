/**
 * Goal: what a request creates and deletes is what Kafka's controller would, and bounded. Method: a metadata image of records.
 */
import { describe, expect, test } from 'vitest'
import { aclCreations, aclDeletions, MAX_CHANGED_ACLS, MAX_MATCHES } from '../../../core/cluster/acl-changes.ts'
import { MetadataImage } from '../../../core/cluster/image/metadata-image.ts'
import { KafkaError } from '../../../core/errors.ts'
import type { Acl, StoredAcl } from '../../../core/security/acl/acl.ts'
import type { AclFilter } from '../../../core/security/acl/acl-filter.ts'

const acl = (resourceName: string, given: Partial<Acl> = {}): Acl => ({ resourceType: 2, resourceName, patternType: 3, principal: 'User:a', host: '*', operation: 3, permissionType: 3, ...given }) // biome-ignore format: one line
const everything: AclFilter = { resourceType: 1, resourceName: null, patternType: 1, principal: null, host: null, operation: 1, permissionType: 1 } // biome-ignore format: one line
function imageOf(acls: readonly StoredAcl[]): MetadataImage {
  const image = new MetadataImage()
  for (const each of acls) image.apply({ type: 'AccessControlEntryRecord', ...each })
  return image
}
const stored = (id: string, ...given: Parameters<typeof acl>): StoredAcl => ({ id, ...acl(...given) })
const names = (count: number) => Array.from({ length: count }, (_, number) => `t${number}`)
function ids() {
  let last = 0
  return () => `id-${++last}`
}

describe('creations', () => {
  test('one that exists, or is there twice, has no record', () => {
    const state = imageOf([stored('x', 'old')])
    const { outcomes, created } = aclCreations([acl('old'), acl('new'), acl('new'), acl('new', { host: 'h' })], state, ids())
    expect(outcomes).toEqual([null, null, null, null])
    expect(created).toEqual([stored('id-1', 'new'), stored('id-2', 'new', { host: 'h' })])
  })

  test('an invalid one has its error, and takes no id', () => {
    const { outcomes, created } = aclCreations([acl('a', { operation: 1 }), acl('b')], imageOf([]), ids())
    expect(outcomes).toEqual([expect.objectContaining({ error: 'INVALID_REQUEST', message: 'Invalid operation ANY' }), null])
    expect(created).toEqual([stored('id-1', 'b')])
  })

  test('an id is never that of another entry', () => {
    expect(aclCreations([acl('new')], imageOf([stored('id-1', 'old')]), ids()).created).toEqual([stored('id-2', 'new')])
  })

  test('as many as one batch has are created, and no more', () => {
    const many = names(MAX_CHANGED_ACLS).map((name) => acl(name))
    expect(aclCreations(many, imageOf([]), ids()).created).toHaveLength(MAX_CHANGED_ACLS)
    const error = expect.objectContaining({ error: 'POLICY_VIOLATION', message: 'Unable to perform excessively large batch operation.' })
    expect(() => aclCreations([...many, acl('more')], imageOf([]), ids())).toThrow(error)
  })
})

describe('deletions', () => {
  const turn = async () => {}

  test('each filter names what it matches, an entry is deleted once, and an unknown filter has its error', async () => {
    const state = imageOf([stored('1', 'a'), stored('2', 'b'), stored('3', 'b', { operation: 4 })])
    const filters = [acl('b'), { ...everything, resourceName: 'b' }, { ...everything, operation: 99 }, acl('absent')]
    const { outcomes, deleted } = await aclDeletions(filters, state, turn)
    expect(outcomes).toEqual([
      [stored('2', 'b')],
      [stored('2', 'b'), stored('3', 'b', { operation: 4 })],
      expect.objectContaining({ message: 'Unknown entryFilter.' }),
      [],
    ])
    expect(deleted.map(({ id }) => id)).toEqual(['2', '3'])
  })

  test('entries that say the same, of a log of an old release, are deleted together', async () => {
    const { deleted } = await aclDeletions([acl('a')], imageOf([stored('1', 'a'), stored('2', 'a')]), turn)
    expect(deleted.map(({ id }) => id)).toEqual(['1', '2'])
  })

  test('as many as one batch has are deleted, and no more', async () => {
    const all = names(MAX_CHANGED_ACLS).map((name) => stored(name, name))
    expect((await aclDeletions([everything], imageOf(all), turn)).deleted).toHaveLength(MAX_CHANGED_ACLS)
    const more = aclDeletions([everything], imageOf([...all, stored('more', 'more')]), turn)
    await expect(more).rejects.toThrow(
      new KafkaError('INVALID_REQUEST', 'Cannot remove more than 10000 acls in a single delete operation.'),
    )
  })

  test('filters that overlap cannot make the response large, nor keep others from their turn', async () => {
    const state = imageOf(names(1000).map((name) => stored(name, name)))
    const overlapping = Array.from({ length: MAX_MATCHES / 1000 + 1 }, () => everything)
    await expect(aclDeletions(overlapping, state, turn)).rejects.toThrow('use fewer filters that overlap')
    let turns = 0
    const counted = async () => void turns++
    await aclDeletions(
      Array.from({ length: 500 }, () => ({ ...everything, principal: 'User:none' })),
      state,
      counted,
    )
    expect(turns).toBe(10)
    turns = 0
    await aclDeletions(
      names(500).map((name) => acl(name)),
      state,
      counted,
    )
    expect(turns).toBe(0)
  })
})

/**
 * Goal: a change of the access control lists that was answered is in effect and survives a crash; one that could not be written is neither.
 * Method: a broker on a disk in memory that loses what was not flushed, and whose flush fails; the power is cut at many moments of random
 * changes, with snapshots between them.
 */
import { expect, test } from 'vitest'
import type { RunningBroker } from '../../../core/index.ts'
import { type Acl, aclKey, patternTypes, permissionTypes } from '../../../core/security/acl/acl.ts'
import type { Action } from '../../../core/security/authorizer.ts'
import { diskError, RecordingDisk } from '../../power-cut/recording-disk.ts'
import { startOn } from '../../power-cut/simulated-broker.ts'
import { randomFrom, seededRandom } from '../../random.ts'

const properties = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
}
const acl: Acl = {
  resourceType: 2,
  resourceName: 'orders',
  patternType: 3,
  principal: 'User:a',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const read: Action = { operation: 'Read', resourceType: 'Topic', resourceName: 'orders', api: 'Fetch', resourceReferenceCount: 1, logIfAllowed: false, logIfDenied: false } // biome-ignore format: one line

test('what was answered is there after a crash, what failed is not, and has no effect before it either', async () => {
  const disk = new RecordingDisk()
  let broker = await startOn(disk, { properties })
  const mayRead = () => broker.authorizer!.authorize({ principal: 'User:a', host: '/127.0.0.1' }, read)
  expect(await broker.cluster.acls.create([acl])).toEqual([null])
  expect(mayRead()).toBe(true)
  disk.fault = ({ type, path }) => {
    if (type === 'sync' && path.includes('__cluster_metadata')) throw diskError('EIO', path)
  }
  await expect(broker.cluster.acls.delete([acl])).rejects.toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  await expect(broker.cluster.acls.create([{ ...acl, permissionType: 2 }])).rejects.toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  expect(mayRead()).toBe(true)
  expect([...broker.cluster.acls.all()]).toEqual([expect.objectContaining(acl)])
  disk.fault = () => {}
  await broker.close()
  broker = await startOn(disk.afterPowerCut(disk.step, 'lost', randomFrom(1)), { properties, isLater: true })
  expect(mayRead()).toBe(true)
  expect([...broker.cluster.acls.all()]).toEqual([expect.objectContaining(acl)])
  await broker.close()
})

const CHANGES = 60

test('at every moment of a power cut the entries are those of the answered changes, or also those of the one in progress', async () => {
  const disk = new RecordingDisk()
  const random = seededRandom()
  const below = (limit: number) => Math.floor(random() * limit)
  const someAcl = (): Acl => ({
    ...acl,
    resourceName: `topic-${below(6)}`,
    patternType: patternTypes.LITERAL + below(2),
    principal: `User:${below(3)}`,
    permissionType: permissionTypes.DENY + below(2),
  })
  const broker = await startOn(disk, { properties })
  const keysOf = ({ cluster }: RunningBroker) => Array.from(cluster.acls.all(), aclKey).sort().join()
  const answered = [{ begun: disk.step, done: disk.step, keys: keysOf(broker) }]
  for (let change = 0; change < CHANGES; change++) {
    const begun = disk.step
    const { resourceType, resourceName, operation } = someAcl()
    const ofTopic = { resourceType, resourceName, operation, patternType: patternTypes.ANY, permissionType: permissionTypes.ANY, principal: null, host: null } // biome-ignore format: one line
    if (below(3) === 0) await broker.cluster.acls.delete([ofTopic])
    else await broker.cluster.acls.create(Array.from({ length: 1 + below(4) }, someAcl))
    answered.push({ begun, done: disk.step, keys: keysOf(broker) })
  }
  const end = disk.step
  await broker.close()
  for (let step = answered[0]!.done; step <= end; step += 1 + below(4))
    for (const unsynced of ['lost', 'torn', 'kept'] as const) {
      const last = answered.findLastIndex(({ done }) => done <= step)
      const possible = answered.slice(last, last + 2).filter(({ begun }) => begun <= step)
      const after = await startOn(disk.afterPowerCut(step, unsynced, random), { properties, isLater: true })
      expect(
        possible.map(({ keys }) => keys),
        `step ${step} of ${end}, ${unsynced}`,
      ).toContain(keysOf(after))
      await after.close()
    }
})

/**
 * Goal: a group whose offsets may not be read, or whose coordinator does not respond, does not stop the sync of other groups, and is logged
 * once. Method: four groups commit on one of our own brokers; the source's client rejects OffsetFetch of one of them, as a broker with
 * access control lists does, and does not respond for another, until both recover.
 */
import { expect, test } from 'vitest'
import type { Client } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import { realClock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { realRandom } from '../../core/system/random.ts'
import { GroupSync } from '../../mirror/groups/group-sync.ts'
import { parseMirrorSettings } from '../../mirror/settings/mm2-properties.ts'
import { createTopic, ourCluster, properties } from '../mirror/clusters.ts'
import { until } from '../until.ts'

test('the other groups are synced, and the unreadable one is logged once', async () => {
  const us = await ourCluster()
  await createTopic(us, 't')
  for (const group of ['denied', 'silent', 'c', 'd'])
    await us.client.admin.alterGroupOffsets(group, [{ topic: 't', partition: 0, offset: 7 }])

  let authorized = false
  const response = Promise.withResolvers<void>()
  const { admin } = us.client
  const limited: Pick<typeof admin, 'listGroups' | 'groupOffsets'> = {
    listGroups: () => admin.listGroups(),
    async groupOffsets(group) {
      if (group === 'denied' && !authorized) throw new KafkaError('GROUP_AUTHORIZATION_FAILED', `offsets of group ${group}`)
      if (group === 'silent') await response.promise
      return admin.groupOffsets(group)
    },
  }
  const source = { admin: limited } as unknown as Client
  const warnings: unknown[] = []
  const logger = { warn: (details: unknown) => warnings.push(details) } as unknown as Logger
  const [settings] = parseMirrorSettings(properties(us, us)).flows
  const { signal } = new AbortController()
  const groups = new GroupSync({
    settings: settings!,
    source,
    target: us.client,
    system: { clock: realClock, random: realRandom, logger },
    signal,
    mapped: () => undefined,
    sourceTopic: () => null,
  })
  await groups.pollCommits()
  await groups.pollCommits()
  expect([...groups.sourceCommits.keys()].sort()).toEqual(['c', 'd'])
  expect(warnings).toMatchObject([{ groups: ['denied'] }])

  authorized = true
  response.resolve()
  await groups.pollCommits()
  await until(() => groups.sourceCommits.size === 4, 'all groups are known')
  expect(warnings).toHaveLength(1)
})

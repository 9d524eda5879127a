/**
 * Goal: a group whose offsets may not be read, or whose coordinator does not answer, keeps no other group from being followed, and is told
 * once. Method: four groups commit at one of our own brokers; the source's client is refused for one of them, as a broker with access control
 * lists would, and is left without an answer for another, until both are mended.
 */
import { expect, test } from 'vitest'
import { KafkaError } from '../../core/errors.ts'
import { realClock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { GroupSync } from '../../mirror/groups/group-sync.ts'
import { parseMirrorSettings } from '../../mirror/settings/mm2-properties.ts'
import { createTopic, ourCluster, properties } from '../mirror/clusters.ts'
import { until } from '../until.ts'

test('the others are followed, and the one is told once', async () => {
  const us = await ourCluster()
  await createTopic(us, 't')
  for (const group of ['refused', 'silent', 'c', 'd'])
    await us.client.admin.alterGroupOffsets(group, [{ topic: 't', partition: 0, offset: 7 }])

  let mended = false
  let answer: () => void = () => {}
  const silence = new Promise<void>((resolve) => {
    answer = resolve
  })
  const { admin } = us.client
  const partial = Object.assign(Object.create(admin) as typeof admin, {
    async groupOffsets(group: string) {
      if (group === 'refused' && !mended) throw new KafkaError('GROUP_AUTHORIZATION_FAILED', `offsets of group ${group}`)
      if (group === 'silent') await silence
      return admin.groupOffsets(group)
    },
  })
  const source = Object.create(us.client, { admin: { value: partial } }) as typeof us.client
  const told: unknown[] = []
  const logger = { warn: (about: unknown) => told.push(about) } as unknown as Logger
  const [settings] = parseMirrorSettings(properties(us, us)).flows
  const { signal } = new AbortController()
  const groups = new GroupSync({
    settings: settings!,
    source,
    target: us.client,
    system: { clock: realClock, logger },
    signal,
    mapped: () => undefined,
    sourceTopic: () => null,
  })
  await groups.pollCommits()
  await groups.pollCommits()
  expect([...groups.sourceCommits.keys()].sort()).toEqual(['c', 'd'])
  expect(told).toMatchObject([{ groups: ['refused'] }])

  mended = true
  answer()
  await groups.pollCommits()
  await until(() => groups.sourceCommits.size === 4, 'all groups are known')
  expect(told).toHaveLength(1)
})

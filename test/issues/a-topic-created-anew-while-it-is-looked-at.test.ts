/**
 * Goal: a topic that is created anew between two questions of a start is not taken for the one before with another end: its losses would not
 * be counted and its first records be skipped. Method: a subject with the id of a topic that has been deleted and made again since.
 */
import { expect, test } from 'vitest'
import { realClock } from '../../core/system/clock.ts'
import { OffsetMap } from '../../mirror/offset-map.ts'
import { findResumePoints } from '../../mirror/resume/resume-point.ts'
import { createTopic, ourCluster, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

test('what is asked about one life of a topic is not answered by the next', async () => {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't')
  await createTopic(central, 'us.t')
  const before = (await us.client.topic('t'))!
  await us.client.admin.deleteTopics(['t'])
  await until(async () => (await us.client.topic('t', { refresh: true })) === undefined, 'the topic is gone')
  await createTopic(us, 't')
  await write(us, 't', 30)
  const map = new OffsetMap(0, 0)
  map.append(0, 0, 20)
  const ask = (topicId: string) =>
    findResumePoints(
      {
        source: us.client,
        target: central.client,
        clock: realClock,
        signal: new AbortController().signal,
        producerId: 1,
        reset: 'earliest',
        committedOnly: false,
      },
      [
        {
          topic: 't',
          partition: 0,
          targetTopic: 'us.t',
          topicId,
          leaderEpoch: 0,
          stored: { map, topicId: before.id, sourceEnd: 25, batchEpoch: -1, producerEpoch: 0, sequence: 0 },
          mm2Progress: undefined,
        },
      ],
    )
  await expect(ask(before.id)).rejects.toThrow(/topic t was created anew while it was looked at/)
  const [verdict] = await ask((await us.client.topic('t'))!.id)
  expect(verdict!.losses).toEqual([{ from: 20, to: 25, reason: 'recreated' }])
  expect(verdict!.map.nextUpstreamOffset).toBe(0)
})

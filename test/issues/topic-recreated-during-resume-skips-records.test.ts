/**
 * Goal: a topic that is recreated between two requests of a starting flow is not mistaken for the deleted one. Its losses would not be
 * counted and its first records would be skipped. Method: the resume point of a topic is searched with the id of a topic that was deleted
 * and recreated.
 */
import { expect, test } from 'vitest'
import { realClock } from '../../core/system/clock.ts'
import { realRandom } from '../../core/system/random.ts'
import { OffsetMap } from '../../mirror/offset-map.ts'
import { findResumePoints } from '../../mirror/resume/resume-point.ts'
import { createTopic, write } from '../mirror/clusters.ts'
import { clustersWithTopic, recreateTopic } from '../mirror/started-flow.ts'

test('a resume point of the deleted topic is not taken from the recreated one', async () => {
  const { us, central } = await clustersWithTopic({ records: 0 })
  await createTopic(central, 'us.t')
  const deleted = (await us.client.topic('t'))!
  await recreateTopic(us, 't')
  await write(us, 't', 30)
  const map = new OffsetMap(0, 0)
  map.append(0, 0, 20)
  const resumePoints = (topicId: string) =>
    findResumePoints(
      {
        source: us.client,
        target: central.client,
        clock: realClock,
        random: realRandom,
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
          stored: { map, topicId: deleted.id, sourceEnd: 25, batchEpoch: -1, producerEpoch: 0, sequence: 0 },
          mm2Progress: undefined,
        },
      ],
    )
  await expect(resumePoints(deleted.id)).rejects.toThrow(/topic t was recreated while its offsets were read/)
  const [point] = await resumePoints((await us.client.topic('t'))!.id)
  expect(point!.losses).toEqual([{ from: 20, to: 25, reason: 'recreated' }])
  expect(point!.map.nextUpstreamOffset).toBe(0)
})

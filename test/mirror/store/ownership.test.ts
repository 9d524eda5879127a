/**
 * Goal: of two mirrors of one flow the later one owns it, the older one is fenced and stops; the pause flags survive. Method: claims on a
 * broker of ours, with a clock that counts the waits.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { realRandom } from '../../../core/system/random.ts'
import { encodeFlowOwner, OWNER_PARTITION } from '../../../mirror/store/offset-map-records.ts'
import { Ownership } from '../../../mirror/store/ownership.ts'
import { until } from '../../until.ts'
import { createTopic, ourCluster } from '../clusters.ts'

const TOPIC = 'mm2-offset-map.us.internal'

async function ownerships() {
  const { client } = await ourCluster()
  await createTopic({ address: '', client }, TOPIC, 2)
  const producer = client.producer({ lingerMs: 0 })
  const stop = new AbortController()
  onTestFinished(async () => {
    stop.abort()
    await producer.close()
  })
  const waits: number[] = []
  const clock = {
    ...realClock,
    sleep: async (delayMs: number, signal?: AbortSignal) => {
      waits.push(delayMs)
      return realClock.sleep(delayMs, signal)
    },
  }
  const create = () => {
    const fencing: Error[] = []
    const onFenced = (error: Error) => void fencing.push(error)
    const options = {
      topic: TOPIC,
      name: 'us->central',
      target: client,
      producer,
      clock,
      random: realRandom,
      signal: stop.signal,
      onFenced,
    }
    return { ownership: new Ownership(options), fencing }
  }
  return { create, waits, producer, client }
}

describe('the ownership of a flow', () => {
  test('a later claim has the same producer id and a higher epoch, and the pause flags of the last owner', async () => {
    const { create, waits } = await ownerships()
    const first = create().ownership
    await first.claim('a')
    expect(first.owner).toMatchObject({ producerEpoch: 0, paused: false, failedOver: false, released: false })
    await first.bumpEpoch()
    await first.storePauseFlags({ paused: true })
    await first.release()
    const second = create().ownership
    await second.claim('b')
    expect(second.owner).toMatchObject({
      producerId: first.owner.producerId,
      producerEpoch: 2,
      instance: 'b',
      paused: true,
      failedOver: false,
      released: false,
    })
    // The first owner released the flow: nothing of it is in flight.
    expect(waits).toEqual([])
  })

  test('an owner that did not release the flow is given time, then fenced', async () => {
    const { create, waits } = await ownerships()
    const first = create()
    await first.ownership.claim('a')
    const watching = first.ownership.watch()
    await create().ownership.claim('b')
    expect(waits).toEqual([400])
    await until(() => first.fencing.length > 0, 'the first owner is fenced')
    expect(first.fencing[0]).toMatchObject({ error: 'PRODUCER_FENCED', message: expect.stringMatching(/us->central.*\(b\).*run only one/) })
    await watching
  })

  test('an owner is not fenced by its own records', async () => {
    const { create } = await ownerships()
    const { ownership, fencing } = create()
    await ownership.claim('a')
    const watching = ownership.watch()
    for (let i = 0; i < 3; i++) await ownership.bumpEpoch()
    await create().ownership.claim('b')
    await watching
    expect(fencing).toHaveLength(1)
    expect(fencing[0]!.message).toContain('(b)')
  })

  test('a claim fences an owner that writes its own record before it reads the claim', async () => {
    const { create } = await ownerships()
    const first = create()
    await first.ownership.claim('a')
    await create().ownership.claim('b')
    await first.ownership.bumpEpoch()
    const watching = first.ownership.watch()
    await until(() => first.fencing.length > 0, 'the first owner is fenced')
    await watching
  })

  test.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('of %s and %s that claim the flow at once one is fenced', async (...instances) => {
    const { create } = await ownerships()
    const owners = instances.map(() => create())
    await Promise.all(owners.map(({ ownership }, index) => ownership.claim(instances[index]!)))
    const watching = owners.map(({ ownership }) => ownership.watch())
    await Promise.race(watching)
    expect(owners.map(({ fencing }) => fencing.length).sort()).toEqual([0, 1])
  })

  test('an owner reads claims on after the records before them were deleted', async () => {
    const { create, client } = await ownerships()
    const first = create()
    await first.ownership.claim('a')
    for (let i = 0; i < 3; i++) await first.ownership.bumpEpoch()
    await client.admin.deleteRecords([{ topic: TOPIC, partition: OWNER_PARTITION, offset: 2 }])
    const watching = first.ownership.watch()
    await create().ownership.claim('b')
    await until(() => first.fencing.length > 0, 'the first owner is fenced')
    await watching
  })

  test('a new producer id is used before the epoch overflows', async () => {
    const { create, producer } = await ownerships()
    const first = create().ownership
    await first.claim('a')
    const last = { ...first.owner, producerEpoch: 32_000, released: true }
    await producer.send([{ topic: TOPIC, partition: OWNER_PARTITION, ...encodeFlowOwner(last) }])
    const second = create().ownership
    await second.claim('b')
    expect(second.owner.producerEpoch).toBe(0)
    expect(second.owner.producerId).not.toBe(first.owner.producerId)
  })
})

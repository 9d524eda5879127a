/**
 * Goal: a flow mirrors every record once and in order, with unchanged payloads, and a restart goes on exactly where it stopped. Method: two
 * of our own brokers as processes, the mirror in this one; topics with codecs, headers and null values; source and target are compared
 * record by record and payload by payload.
 */
import { describe, expect, test } from 'vitest'
import { until } from '../../until.ts'
import { caughtUp, content, createTopic, mirrorOf, properties, readAll, write } from '../clusters.ts'
import { clustersWithTopic, expectSameRecords, partitionOf, recreateTopic, startedFlow, twoClusters } from '../started-flow.ts'

describe('a flow between two brokers', () => {
  test('records, payloads, partitions and configs are mirrored; new topics and partitions follow; the lag ends at 0', async () => {
    const { us, central } = await twoClusters()
    await createTopic(us, 'orders', 3, { 'retention.ms': '86400000' })
    for (const [i, codec] of (['none', 'lz4', 'zstd'] as const).entries())
      await write(us, 'orders', 300, { from: i * 300, partitions: 3, codec })
    const mirror = await mirrorOf(properties(us, central, { 'us->central.topics': 'orders.*', 'refresh.topics.interval.seconds': '1' }))
    await caughtUp(mirror, 'us->central', 900)
    for (let partition = 0; partition < 3; partition++) {
      const [source, target] = [await readAll(us, 'orders', partition), await readAll(central, 'us.orders', partition)]
      expect(content(target.records)).toEqual(content(source.records))
      expect(target.payloads).toEqual(source.payloads)
    }
    const configs = (await central.client.admin.describeTopicConfigs(['us.orders'])).get('us.orders')!
    expect(configs.find((config) => config.name === 'retention.ms')?.value).toBe('86400000')
    await createTopic(us, 'orders-more', 1)
    await write(us, 'orders-more', 50)
    await us.client.admin.createPartitions('orders', 4)
    await until(async () => (await us.client.topic('orders', { refresh: true }))?.partitions.length === 4, 'four partitions at the source')
    await write(us, 'orders', 40, { from: 900, partitions: 4 })
    await caughtUp(mirror, 'us->central', 990)
    expect(content((await readAll(central, 'us.orders', 3)).records)).toEqual(content((await readAll(us, 'orders', 3)).records))
    const status = mirror.status('us->central')
    expect(status).toMatchObject({ state: 'RUNNING', lagMs: 0, lostRecords: 0, repeatedRecords: 0 })
    expect(status.topics).toEqual(expect.arrayContaining(['orders', 'orders-more']))
  })

  test('a restart repeats nothing and loses nothing', async () => {
    const { us, central } = await clustersWithTopic({ partitions: 2, records: 0 })
    const given = properties(us, central, { 'us->central.topics': 't' })
    for (let round = 0; round < 3; round++) {
      await write(us, 't', 200, { from: round * 200, partitions: 2 })
      const mirror = await mirrorOf(given)
      await caughtUp(mirror, 'us->central', (round + 1) * 200)
      await mirror.close()
    }
    await expectSameRecords({ us, central }, 2)
  })

  test('a pause stops mirroring and the lag grows; a resume mirrors what waits', async () => {
    const { us, central, mirror } = await startedFlow()
    await mirror.pause('us->central')
    expect(mirror.status('us->central').state).toBe('PAUSED')
    await write(us, 't', 10, { from: 10 })
    await write(us, 't', 10, { from: 20 })
    await until(() => mirror.status('us->central').lagMs! > 0, 'the lag grows', 20_000)
    await mirror.resume('us->central')
    await caughtUp(mirror, 'us->central', 30)
    await expectSameRecords({ us, central })
    await expect(mirror.pause('us->mars')).rejects.toThrow(/us->mars is not known; the mirrors are us->central/)
  })

  test('a pause lasts over a restart of the mirror, until a resume', async () => {
    const { us, central, given, mirror: first } = await startedFlow()
    await first.pause('us->central')
    await first.close()
    await write(us, 't', 10, { from: 10 })
    const second = await mirrorOf(given)
    await until(() => second.status('us->central').state === 'PAUSED', 'the pause is read from the target')
    await until(() => second.status('us->central').lagRecords >= 10, 'the lag is observed', 20_000)
    expect((await readAll(central, 'us.t')).records).toHaveLength(10)
    await second.resume('us->central')
    await caughtUp(second, 'us->central', 20)
    await second.close()
    const third = await mirrorOf(given)
    await caughtUp(third, 'us->central', 20)
    expect(third.status('us->central').state).toBe('RUNNING')
  })

  test('records that were deleted before they could be mirrored are counted, and stop a flow with auto.offset.reset=none', async () => {
    const { us, central, given, mirror: first } = await startedFlow({ records: 100 })
    await first.close()
    await write(us, 't', 100, { from: 100 })
    await us.client.admin.deleteRecords([{ topic: 't', partition: 0, offset: 150 }])
    const second = await mirrorOf(given)
    await caughtUp(second, 'us->central', 150)
    expect(second.status('us->central').lostRecords).toBe(50)
    await second.close()
    const third = await mirrorOf({ ...given, 'us->central.consumer.auto.offset.reset': 'none' })
    await write(us, 't', 10, { from: 200 })
    await caughtUp(third, 'us->central', 160)
    expect(third.status('us->central').lostRecords).toBe(50)
    expect(content((await readAll(central, 'us.t')).records).slice(100)).toEqual(content((await readAll(us, 't')).records))
    await third.close()
    await write(us, 't', 10, { from: 210 })
    await us.client.admin.deleteRecords([{ topic: 't', partition: 0, offset: 215 }])
    const fourth = await mirrorOf({ ...given, 'us->central.consumer.auto.offset.reset': 'none' })
    await until(() => fourth.status('us->central').state === 'FAILED', 'the flow fails')
    expect(fourth.status('us->central').trace).toMatch(/offsets 210 to 214 were deleted.*auto\.offset\.reset=none/)
  })

  test('a topic recreated at the source is appended to the records of the target', async () => {
    const { us, central, mirror } = await startedFlow({ records: 30, settings: { 'refresh.topics.interval.seconds': '1' } })
    await recreateTopic(us, 't')
    await write(us, 't', 20, { from: 500 })
    await until(() => partitionOf(mirror)?.targetEndOffset === 50, 'the recreated topic is mirrored', 30_000)
    const { records } = await readAll(central, 'us.t')
    expect(content(records).slice(30)).toEqual(content((await readAll(us, 't')).records))
    expect(mirror.status('us->central').lostRecords).toBe(0)
  })

  test('records that a paused mirror has observed and that were deleted with the topic are counted as lost', async () => {
    const { us, given, mirror: paused } = await startedFlow()
    await paused.pause('us->central')
    await write(us, 't', 30, { from: 10 })
    await until(() => paused.status('us->central').lagRecords === 30, 'the lag grows', 20_000)
    await paused.close()
    await recreateTopic(us, 't')
    await write(us, 't', 5, { from: 500 })
    const mirror = await mirrorOf(given)
    await mirror.resume('us->central')
    await caughtUp(mirror, 'us->central', 15)
    expect(mirror.status('us->central').lostRecords).toBe(30)
  })

  test('flows in both directions mirror no record back', async () => {
    const { us, central } = await twoClusters()
    await createTopic(us, 't')
    await createTopic(central, 't')
    await write(us, 't', 20)
    await write(central, 't', 30, { from: 100 })
    const mirror = await mirrorOf(properties(us, central, { 'central->us.enabled': 'true', 'refresh.topics.interval.seconds': '1' }))
    await caughtUp(mirror, 'us->central', 20)
    await caughtUp(mirror, 'central->us', 30)
    await until(
      async () => (await us.client.topics()).some((topic) => topic.name === 'central.heartbeats'),
      'heartbeats are mirrored in both directions',
    )
    const names = [...(await us.client.topics()), ...(await central.client.topics())].map((topic) => topic.name)
    expect(names).toContain('us.t')
    expect(names).toContain('central.t')
    for (const name of names) expect(name).not.toMatch(/^(us\.central|central\.us)/)
  })
})

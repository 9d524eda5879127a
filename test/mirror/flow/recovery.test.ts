/**
 * Story of mirror/flow. Goal: a flow recovers from failures around it or reports them, and loses no record. Method: two of our own brokers
 * that are killed and started under a running flow, a deleted target topic, a second mirror, records of another producer, settings that
 * cannot work.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Logger } from '../../../core/system/logger.ts'
import { startMirrors } from '../../../mirror/index.ts'
import { until } from '../../until.ts'
import { caughtUp, createTopic, mirrorOf, properties, quietSystem, readAll, write } from '../clusters.ts'
import { clustersWithTopic, expectSameRecords, partitionOf, startedFlow, twoClusters } from '../started-flow.ts'

describe('a flow with failures around it', () => {
  test('both brokers are killed in turn and started again: each record once, in order', async () => {
    const { us, central } = await clustersWithTopic({ partitions: 2, records: 0 })
    const mirror = await mirrorOf(properties(us, central, { 'us->central.topics': 't' }))
    let written = 0
    for (const { broker } of [central, us, central]) {
      await write(us, 't', 500, { from: written, partitions: 2 })
      written += 500
      await broker.kill()
      await broker.start()
    }
    await write(us, 't', 100, { from: written, partitions: 2 })
    await caughtUp(mirror, 'us->central', written + 100, 40_000)
    await expectSameRecords({ us, central }, 2)
    expect(mirror.status('us->central')).toMatchObject({ state: 'RUNNING', lostRecords: 0, repeatedRecords: 0 })
  })

  test("the target's topic is deleted: it is created again and mirrored from the beginning", async () => {
    const { us, central } = await startedFlow({ records: 60 })
    await central.client.admin.deleteTopics(['us.t'])
    await write(us, 't', 10, { from: 60 })
    await until(async () => (await readAll(central, 'us.t')).records.length === 70, 'all of it is mirrored again', 40_000)
    await expectSameRecords({ us, central })
  })

  test("the target's topic is recreated while the source is offline: after that, all of it is mirrored again", async () => {
    const { us, central, mirror } = await startedFlow({ records: 60 })
    await central.client.admin.deleteTopics(['us.t'])
    await write(us, 't', 10, { from: 60 })
    await until(() => partitionOf(mirror)?.sourceEndOffset === 70, 'the new records are observed')
    await us.broker.kill()
    await createTopic(central, 'us.t')
    await until(() => mirror.status('us->central').trace !== undefined, 'the error of the source is shown')
    await us.broker.start()
    await until(async () => (await readAll(central, 'us.t')).records.length === 70, 'all of it is mirrored again', 40_000)
    await expectSameRecords({ us, central })
  })

  test('while the target is offline the lag grows and the reason is shown, until it is online again', async () => {
    const { us, central, mirror } = await startedFlow()
    await central.broker.kill()
    await write(us, 't', 10, { from: 10 })
    await until(() => mirror.status('us->central').lagRecords === 10, 'records in flight count')
    // Nothing is fetched any more: the source's end offset has to be listed.
    await write(us, 't', 30, { from: 20 })
    await until(() => mirror.status('us->central').lagRecords === 40, 'records that wait at the source count', 20_000)
    const trace = new RegExp(`target.*${central.broker.port}`)
    await until(() => trace.test(mirror.status('us->central').trace ?? ''), 'the error of the target is shown', 20_000)
    await central.broker.start()
    await caughtUp(mirror, 'us->central', 50)
    expect(mirror.status('us->central').trace).toBeUndefined()
  })

  test('a paused mirror notices that the source is online again, and its end offset', async () => {
    const { us, mirror } = await startedFlow()
    await mirror.pause('us->central')
    await us.broker.kill()
    await until(() => mirror.status('us->central').trace !== undefined, 'the error of the source is shown', 20_000)
    await us.broker.start()
    await until(() => mirror.status('us->central').trace === undefined, 'the error is no longer shown', 20_000)
    expect(mirror.status('us->central')).toMatchObject({ state: 'PAUSED', lagRecords: 0, lagMs: 0 })
  })

  test('while the source hangs the lag is unknown, not 0', async () => {
    const { us, mirror } = await startedFlow()
    expect(mirror.status('us->central').lagMs).toBe(0)
    process.kill(us.broker.pid, 'SIGSTOP')
    try {
      await until(() => mirror.status('us->central').lagMs === null, 'the lag is unknown', 20_000)
    } finally {
      process.kill(us.broker.pid, 'SIGCONT')
    }
    await until(() => mirror.status('us->central').lagMs === 0, 'the lag is known again')
  })

  test('a resume ends the back-off before a restart', async () => {
    const { us, central } = await clustersWithTopic()
    // Each run fails, with a longer back-off before the next one.
    await createTopic(central, 'mm2-offset-map.us.internal', 1)
    let waitMs = 0
    const keep = (details: object) => {
      if ('waitMs' in details) waitMs = details.waitMs as number
    }
    const logger: Logger = { error: keep, warn: keep, info: () => {}, debug: () => {}, child: () => logger }
    const mirror = await startMirrors(properties(us, central, { 'us->central.topics': 't' }), { ...quietSystem(), logger })
    onTestFinished(() => mirror.close())
    await until(() => waitMs >= 8_000, 'some runs have failed', 30_000)
    await central.client.admin.createPartitions('mm2-offset-map.us.internal', 2)
    await mirror.resume('us->central')
    await caughtUp(mirror, 'us->central', 10, 5_000)
    expect(mirror.status('us->central').trace).toBeUndefined()
  })

  test('a mirror that is stopped while the target is offline logs what it could not store, and what that means', async () => {
    const { us, central } = await clustersWithTopic()
    const warnings: string[] = []
    const logger: Logger = {
      error: () => {},
      warn: (_, message) => warnings.push(message),
      info: () => {},
      debug: () => {},
      child: () => logger,
    }
    const given = properties(us, central, { 'us->central.topics': 't', 'offset.map.flush.interval.ms': '60000' })
    const mirror = await startMirrors(given, { ...quietSystem(), logger })
    onTestFinished(() => mirror.close())
    await caughtUp(mirror, 'us->central', 10)
    await central.broker.kill()
    await mirror.close()
    expect(warnings).toContainEqual(expect.stringMatching(/^the offset map could not be written before the flow stopped: .*compares them/))
    await central.broker.start()
    const again = await mirrorOf(given)
    await caughtUp(again, 'us->central', 10)
    expect(again.status('us->central')).toMatchObject({ lostRecords: 0, repeatedRecords: 0 })
    expect((await readAll(central, 'us.t')).records).toHaveLength(10)
  })

  test('a second mirror of the same flow fences the first, which fails with the reason; no record comes twice', async () => {
    const { us, central, given, mirror: first } = await startedFlow({ records: 60 })
    const second = await mirrorOf(given)
    await caughtUp(second, 'us->central', 60)
    await write(us, 't', 40, { from: 60 })
    await until(() => first.status('us->central').state === 'FAILED', 'the first has failed')
    expect(first.status('us->central').trace).toMatch(/another mirror.*run only one mirror/)
    await caughtUp(second, 'us->central', 100)
    await expectSameRecords({ us, central })
  })

  test("the offset map skips records of another producer in the target's topic", async () => {
    const { us, central, mirror } = await startedFlow()
    await write(central, 'us.t', 5, { from: 900 })
    await write(us, 't', 10, { from: 10 })
    await caughtUp(mirror, 'us->central', 25)
    await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 12 }])
    const report = await mirror.failover('us->central', { groups: ['g'], dryRun: true })
    expect(report.groups[0]!.partitions[0]).toMatchObject({ sourceOffset: 12, targetOffset: 17 })
  })

  test('a batch that is too large for the target fails the flow with the setting to change, and a resume goes on', async () => {
    const { us, central } = await twoClusters()
    await createTopic(us, 't')
    await createTopic(central, 'us.t', 1, { 'max.message.bytes': '1000' })
    await write(us, 't', 100)
    const mirror = await mirrorOf(properties(us, central, { 'us->central.topics': 't', 'sync.topic.configs.enabled': 'false' }))
    await until(() => mirror.status('us->central').state === 'FAILED', 'the flow fails')
    expect(mirror.status('us->central').trace).toMatch(/raise max\.message\.bytes of topic us\.t/)
    await central.client.admin.alterTopicConfigs(new Map([['us.t', [{ name: 'max.message.bytes', operation: 0, value: '100000' }]]]))
    await mirror.resume('us->central')
    await caughtUp(mirror, 'us->central', 100)
    await expectSameRecords({ us, central })
  })

  test('the identity policy in both directions is refused where a topic would be mirrored in a loop', async () => {
    const { us, central } = await twoClusters()
    await createTopic(us, 'x1')
    const mirror = await mirrorOf(
      properties(us, central, {
        'central->us.enabled': 'true',
        'us->central.topics': 'x.',
        'central->us.topics': 'x1|y',
        'replication.policy.class': 'IdentityReplicationPolicy',
      }),
    )
    await until(() => mirror.status('us->central').state === 'FAILED', 'the loop is reported')
    expect(mirror.status('us->central').trace).toMatch(/x1.*endless loop by us->central, central->us/)
  })
})

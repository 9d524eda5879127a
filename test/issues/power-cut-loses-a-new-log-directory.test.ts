/**
 * Symptom: a power cut soon after the first start, and the folder of log.dirs is gone with everything in it. The broker synced its files,
 * but not the name of a folder that it had created itself. Method: a disk in memory that loses what no sync covered.
 */
import { expect, test } from 'vitest'
import { startBroker } from '../../core/index.ts'
import { RecordingDisk } from '../power-cut/recording-disk.ts'
import { systemOn } from '../power-cut/simulated-broker.ts'

test('a folder of log.dirs that the broker creates survives a power cut, also below other new folders', async () => {
  const disk = new RecordingDisk()
  const properties = { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': '/srv/kafka/a,/srv/kafka/b' }
  const broker = await startBroker(properties, systemOn(disk))
  const { clusterId } = broker.logs
  await broker.cluster.createTopic({ name: 'orders', partitions: 2, replicationFactor: 1, configs: {} })
  const left = disk.afterPowerCut(disk.step, 'lost', Math.random)
  await broker.close()

  const again = await startBroker(properties, systemOn(left))
  expect(again.logs.clusterId).toBe(clusterId)
  expect(again.cluster.topic('orders')?.partitions).toBe(2)
  await again.close()
})

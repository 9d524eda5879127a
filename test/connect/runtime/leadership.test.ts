/**
 * Goal: the leader removes the statuses of deleted connectors and no others. Method: backing stores on logs in memory, whose writes a test
 * can delay.
 */
import { expect, test } from 'vitest'
import { Leadership } from '../../../connect/runtime/leadership.ts'
import type { WorkerMembership } from '../../../connect/runtime/worker-membership.ts'
import { parseWorkerSettings } from '../../../connect/runtime/worker-settings.ts'
import { ConfigBackingStore } from '../../../connect/storage/config-backing-store.ts'
import { MemoryLog } from '../../../connect/storage/memory-log.ts'
import { StatusBackingStore } from '../../../connect/storage/status-backing-store.ts'
import { realSystem } from '../../../core/system/index.ts'
import { until } from '../../until.ts'

const running = { state: 'RUNNING', trace: null, workerId: 'w:1', generation: 1, version: null } as const
const listener = {
  onConnectorConfigUpdate() {},
  onConnectorConfigRemove() {},
  onTaskConfigUpdate() {},
  onTargetStateChange() {},
  onRestartRequest() {},
  onLoggingLevelUpdate() {},
}

test('a connector that is created again while its active topics are removed keeps its status', async () => {
  const statusLog = new MemoryLog()
  const append = statusLog.append.bind(statusLog)
  const configs = new ConfigBackingStore(new MemoryLog(), () => {})
  const status = new StatusBackingStore(statusLog, () => {})
  await Promise.all([configs.start(listener), status.start()])
  await status.putTopic('t', 'deleted', 0, 1)
  await status.putConnector('deleted', running)
  await status.putTopic('t', 'again', 0, 1)
  await status.putConnector('again', running)
  await status.putTask('again', 0, running)
  statusLog.append = async (records) => {
    if (records[0]!.key === 'status-topic-t:connector-again') await configs.putConnectorConfig('again', { name: 'again' })
    if (records[0]!.key === 'status-topic-t:connector-again') await configs.putTaskConfigs('again', [{}])
    await append(records)
  }
  const config = parseWorkerSettings({
    'bootstrap.servers': 'localhost:9092',
    'group.id': 'g',
    'config.storage.topic': 'c',
    'offset.storage.topic': 'o',
    'status.storage.topic': 's',
  })
  const membership = { isLeader: true, signsInternalRequests: false } as WorkerMembership
  const leadership = new Leadership(configs, status, config, realSystem('silent'), () => membership)
  leadership.onElected()
  await until(() => status.topics('again').length === 0 && !status.connector('deleted'), 'the removal')
  await new Promise((resolve) => setImmediate(resolve))
  leadership.close()
  expect(status.connectors()).toEqual(['again'])
  expect(status.connector('again')).toEqual(running)
  expect(status.task('again', 0)).toEqual(running)
})

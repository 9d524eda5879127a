/**
 * Goal: a task waits for its fencing as long as that may succeed, and fails where it cannot; it does not start after newer task configs or
 * a revocation. Method: stories of what the leader answers, with a config store in memory.
 */
import { expect, test } from 'vitest'
import { FencingRequests } from '../../../connect/runtime/fencing-requests.ts'
import { ConfigBackingStore } from '../../../connect/storage/config-backing-store.ts'
import { MemoryLog } from '../../../connect/storage/memory-log.ts'
import { ConnectError } from '../../../connect/types.ts'
import { realSystem } from '../../../core/system/index.ts'

const listener = {
  onConnectorConfigUpdate() {},
  onConnectorConfigRemove() {},
  onTaskConfigUpdate() {},
  onTargetStateChange() {},
  onRestartRequest() {},
  onLoggingLevelUpdate() {},
}

async function worker(answers: readonly (Error | null)[], leaders: readonly (string | null)[] = ['http://leader']) {
  const configs = new ConfigBackingStore(new MemoryLog(), () => {})
  await configs.start(listener)
  await configs.putTaskConfigs('c', [{}])
  const asked: string[] = []
  const left = [...answers]
  const leader = [...leaders]
  const answer = async (who: string) => {
    asked.push(who)
    const error = left.shift()
    if (error) throw error
  }
  const membership = {
    get isLeader() {
      return leader[0] === 'here'
    },
    get leaderUrl() {
      return leader.length > 1 ? leader.shift()! : leader[0]!
    },
    assigned: new Set(['0/c']),
  }
  const requests = new FencingRequests({
    membership,
    configs,
    fenceHere: () => answer('here'),
    askLeader: (url) => answer(url),
    system: realSystem('silent'),
  })
  const stop = new AbortController()
  return { configs, membership, asked, stop, task: (generation: number) => requests.ofTask('c', 0, generation) }
}

test('the leader fences, here or over REST', async () => {
  const here = await worker([null], ['here'])
  await here.task(1).fenceOlder(here.stop.signal)
  expect(here.asked).toEqual(['here'])
  const there = await worker([null])
  await there.task(1).fenceOlder(there.stop.signal)
  expect(there.asked).toEqual(['http://leader'])
})

test('what is temporary is tried again: no leader, a conflict, a leader that is away', async () => {
  const { asked, stop, task } = await worker(
    [new ConnectError(409, 'new task configurations'), new Error('http://leader cannot be reached'), new ConnectError(503, 'later'), null],
    [null, 'http://leader'],
  )
  await task(1).fenceOlder(stop.signal)
  expect(asked).toHaveLength(4)
})

test('what the leader refuses for good fails the task with its reason; a task that stops does not wait', async () => {
  const { asked, stop, task } = await worker([new ConnectError(500, 'Grant Write'), new ConnectError(409, 'later')])
  await expect(task(1).fenceOlder(stop.signal)).rejects.toThrow('Failed to perform round of zombie fencing: Grant Write')
  stop.abort()
  await task(1).fenceOlder(stop.signal)
  expect(asked).toHaveLength(1)
})

test('a task of older task configs, and one that is not assigned any more, do not start', async () => {
  const { configs, membership, task } = await worker([])
  await task(1).verify()
  await configs.putTaskConfigs('c', [{}, {}])
  await expect(task(1).verify()).rejects.toThrow(
    'Cannot start source task c-0 with exactly-once support as the connector has already generated a new set of task configs',
  )
  membership.assigned.clear()
  await expect(task(2).verify()).rejects.toThrow('Cannot start source task c-0 as it has already been revoked from this worker')
})

/**
 * Goal: a round of zombie fencing fences as many tasks as may be left, and its record never stands for newer task configs. Method: the
 * config store on a log in memory, and an admin client that notes whom it fences, and waits or fails on demand.
 */
import { expect, test } from 'vitest'
import type { ConnectorClients } from '../../../connect/runtime/connector-clients.ts'
import { fencingDecision, ZombieFencing } from '../../../connect/runtime/zombie-fencing.ts'
import { ConfigBackingStore } from '../../../connect/storage/config-backing-store.ts'
import { MemoryLog } from '../../../connect/storage/memory-log.ts'
import { ConnectError } from '../../../connect/types.ts'
import { KafkaError } from '../../../core/errors.ts'
import { until } from '../../until.ts'

const listener = {
  onConnectorConfigUpdate() {},
  onConnectorConfigRemove() {},
  onTaskConfigUpdate() {},
  onTargetStateChange() {},
  onRestartRequest() {},
  onLoggingLevelUpdate() {},
}

async function leader() {
  const configs = new ConfigBackingStore(new MemoryLog(), () => {})
  await configs.start(listener)
  const fenced: string[][] = []
  const state = { gate: null as Promise<void> | null, error: null as Error | null, refusal: null as Error | null }
  const admin = {
    async fenceProducers(ids: readonly string[]) {
      fenced.push([...ids])
      await state.gate
      return new Map(ids.map((id) => [id, state.error]))
    },
  }
  const clients = { use: (_kind: string, _config: object, work: (client: object) => unknown) => work({ admin }) }
  const fencing = new ZombieFencing({
    configs,
    clients: clients as unknown as ConnectorClients,
    groupId: 'g',
    syncTimeoutMs: 1_000,
    resolve: async () => ({}),
    check() {
      if (state.refusal) throw state.refusal
    },
  })
  const tasks = (count: number) =>
    configs.putTaskConfigs(
      'c',
      Array.from({ length: count }, (_, task) => ({ task: String(task) })),
    )
  return { configs, fenced, state, fencing, tasks }
}

const failed = (work: Promise<void>) => work.then(() => null).catch((error) => [(error as ConnectError).status, (error as Error).message])

test('the decision: nothing to do, only a record, or fencing', async () => {
  const { configs, tasks } = await leader()
  const decisions: string[] = [fencingDecision(configs, 'c')]
  await tasks(1)
  decisions.push(fencingDecision(configs, 'c'))
  await configs.putTaskCountRecord('c', 1, 1)
  decisions.push(fencingDecision(configs, 'c'))
  await tasks(1)
  decisions.push(fencingDecision(configs, 'c'))
  await tasks(5)
  decisions.push(fencingDecision(configs, 'c'))
  await configs.putTaskCountRecord('c', 5, 3)
  await tasks(1)
  decisions.push(fencingDecision(configs, 'c'))
  expect(decisions).toEqual(['skip', 'record', 'skip', 'record', 'fence', 'fence'])
})

test('from one task to five and back: the first round only writes its record, later ones fence all tasks of the round before', async () => {
  const { configs, fenced, fencing, tasks } = await leader()
  await tasks(1)
  await Promise.all([fencing.fence('c'), fencing.fence('c')])
  expect([fenced, configs.taskCountRecord('c')]).toEqual([[], 1])
  await tasks(5)
  await Promise.all([fencing.fence('c'), fencing.fence('c')])
  expect([fenced, configs.taskCountRecord('c')]).toEqual([[['g-c-0']], 5])
  await tasks(1)
  await fencing.fence('c')
  expect(fenced.at(-1)).toEqual(['g-c-0', 'g-c-1', 'g-c-2', 'g-c-3', 'g-c-4'])
  await fencing.fence('c')
  expect(fenced).toHaveLength(2)
})

test('task configs that come during a round end it: its record would hide that the newer ones need their own', async () => {
  const { configs, fenced, fencing, state, tasks } = await leader()
  await tasks(2)
  await fencing.fence('c')
  await tasks(3)
  let open = () => {}
  state.gate = new Promise((resolve) => {
    open = resolve
  })
  const round = failed(fencing.fence('c'))
  await until(() => fenced.length === 1, 'the round has begun')
  await tasks(4)
  const newer = fencing.fence('c')
  open()
  expect(await round).toEqual([409, 'Fencing failed because new task configurations were generated for the connector'])
  await newer
  expect([fenced.length, configs.taskCountRecord('c'), configs.isPendingFencing('c')]).toEqual([2, 4, false])
})

test('a record that fails is written in the next round; a refusal of the cluster says what to grant', async () => {
  const { configs, fencing, state, tasks } = await leader()
  await tasks(2)
  await fencing.fence('c')
  await tasks(2)
  state.error = new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'no')
  const refused = await failed(fencing.fence('c'))
  expect(refused![0]).toBe(500)
  expect(refused![1]).toMatch(/Grant Write and Describe for the transactional id g-c-0 to the principal of admin.override/)
  expect(configs.isPendingFencing('c')).toBe(true)
  state.error = null
  state.refusal = new ConnectError(404, 'gone')
  expect(await failed(fencing.fence('c'))).toEqual([404, 'gone'])
  state.refusal = null
  await fencing.fence('c')
  expect(configs.isPendingFencing('c')).toBe(false)
})

test('a connector that is deleted and created again has the tasks of the deleted one fenced', async () => {
  const { configs, fenced, fencing, tasks } = await leader()
  await configs.putConnectorConfig('c', { name: 'c' })
  await tasks(3)
  await fencing.fence('c')
  await configs.removeConnectorConfig('c')
  await configs.putConnectorConfig('c', { name: 'c' })
  await tasks(1)
  await fencing.fence('c')
  expect(fenced).toEqual([['g-c-0', 'g-c-1', 'g-c-2']])
})

/**
 * Goal: a mirror that cannot read its stored progress fails to start; it does not start as if there were none, which would send every
 * record a second time. Method: a flow stops; its progress is read while the target is frozen (SIGSTOP), and again once it runs.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import { realRandom } from '../../core/system/random.ts'
import { OffsetMapReader } from '../../mirror/store/offset-map-reader.ts'
import { quietSystem } from '../mirror/clusters.ts'
import { startedFlow } from '../mirror/started-flow.ts'

test('the stored progress is read, or the read fails with the reason', async () => {
  const { central, mirror } = await startedFlow({ records: 50 })
  await mirror.close()

  const target = createClient({ bootstrapServers: central.address, clientId: 'reader', requestTimeoutMs: 500 }, quietSystem())
  onTestFinished(() => target.close())
  const topic = 'mm2-offset-map.us.internal'
  // The client has the topic's metadata already, so ListOffsets is the request that the frozen broker does not respond to.
  await target.topic(topic)
  const reader = new OffsetMapReader({ target, topic, clock: realClock, random: realRandom, signal: new AbortController().signal })
  process.kill(central.broker.pid, 'SIGSTOP')
  try {
    await expect(reader.read()).rejects.toThrow(/mm2-offset-map\.us\.internal-0: (REQUEST_TIMED_OUT|NETWORK_EXCEPTION)/)
  } finally {
    process.kill(central.broker.pid, 'SIGCONT')
  }
  expect(await reader.read()).toBe(true)
  expect(reader.partitions.get('t-0')?.map.nextUpstreamOffset).toBe(50)
})

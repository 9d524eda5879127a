/**
 * Goal: a mirror that cannot read what it kept does not take that for nothing: it would send everything a second time. Method: a flow stops;
 * it is started again while the target is frozen (SIGSTOP) just after it has been claimed, for longer than a request may take.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import { OffsetMapReader } from '../../mirror/store/offset-map-reader.ts'
import { caughtUp, createTopic, mirrorOf, ourCluster, properties, quietSystem, write } from '../mirror/clusters.ts'

test('what was kept is read, or the reason why it is not is given', async () => {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't')
  await write(us, 't', 50)
  const mirror = await mirrorOf(properties(us, central, { 'us->central.topics': 't' }))
  await caughtUp(mirror, 'us->central', 50)
  await mirror.close()

  const target = createClient({ bootstrapServers: central.address, clientId: 'reader', requestTimeoutMs: 500 }, quietSystem())
  onTestFinished(() => target.close())
  const topic = 'mm2-offset-map.us.internal'
  // its metadata is known, so that the question for its ends is the one that meets the frozen broker
  await target.topic(topic)
  const reader = new OffsetMapReader({ target, topic, clock: realClock, signal: new AbortController().signal })
  process.kill(central.broker.pid, 'SIGSTOP')
  try {
    await expect(reader.read()).rejects.toThrow(/mm2-offset-map\.us\.internal-0: (REQUEST_TIMED_OUT|NETWORK_EXCEPTION)/)
  } finally {
    process.kill(central.broker.pid, 'SIGCONT')
  }
  expect(await reader.read()).toBe(true)
  expect(reader.partitions.get('t/0')?.map.nextUpstreamOffset).toBe(50)
})

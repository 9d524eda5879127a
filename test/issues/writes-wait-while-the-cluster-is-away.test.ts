/**
 * Goal: while the cluster does not respond, each write of the registry fails after kafkastore.timeout.ms, and reads go on. Method: writes
 * twice to an instance whose broker is gone; the second one has to find out first what the first has written.
 */
import { expect, test } from 'vitest'
import { ownRegistry, registriesInProcess } from '../registry-in-process.ts'

const schema = (size: number) => ({ schema: JSON.stringify({ type: 'fixed', name: 'F', size }) })

test('a write after a failed one fails as soon as that', async () => {
  const registries = await registriesInProcess()
  const timeouts = { 'kafkastore.timeout.ms': '2000', 'kafkastore.init.timeout.ms': '600000' }
  const instance = await registries.start({ ...ownRegistry('away'), ...timeouts, 'kafkagroup.session.timeout.ms': '30000' })
  try {
    expect((await instance.send('POST', '/subjects/a/versions', schema(1))).body.id).toBe(1)
    await registries.broker.broker.close()
    for (const size of [2, 3]) {
      const { status, body } = await instance.send('POST', `/subjects/a${size}/versions`, schema(size))
      expect([status, Math.trunc(body.error_code / 100)]).toEqual([500, 500])
    }
    expect((await instance.send('GET', '/schemas/ids/1')).body.schema).toBe(schema(1).schema)
  } finally {
    await registries.stop()
  }
})

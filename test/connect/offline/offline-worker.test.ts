/**
 * Goal: connectors that name plugins of plugin.path can be tried without a worker, and a plugin that cannot be loaded is left out. Method:
 * a plugin in a folder; its transform changes a record.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openRehearsal } from '../../../connect/offline/index.ts'
import { sourceRecord } from '../../../connect/sdk/index.ts'
import { offlineWorker } from './offline-fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'offline-plugins-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a transform of plugin.path is applied', async () => {
  const transform = `import { defineTransform } from 'tributary/connect/sdk'
export default defineTransform({
  class: 'org.example.Loud', doc: 'Loud.', settings: {}, create: () => (record) => ({ ...record, value: record.value + '!' }),
})`
  writeFileSync(join(folder, 'loud.mjs'), transform)
  writeFileSync(join(folder, 'broken.mjs'), 'export default 5')
  const worker = await offlineWorker({ 'plugin.path': folder })
  try {
    const text = 'org.apache.kafka.connect.storage.StringConverter'
    const config = { name: 'c', 'key.converter': text, 'value.converter': text, transforms: 'l', 'transforms.l.type': 'org.example.Loud' }
    const { output } = await openRehearsal(config, worker).source(sourceRecord({ topic: 't', value: 'hello' }))
    expect(output).toMatchObject({ value: 'hello!' })
  } finally {
    await worker.close()
  }
})

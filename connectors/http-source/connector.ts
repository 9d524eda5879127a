/**
 * Polls a URL and writes the items of its responses as records. What sends requests is loaded where a task starts.
 */
import { defineConnector, defineSource, InvalidSetting } from '../../connect/sdk/index.ts'
import { validatePositions } from './position.ts'
import { check, settings } from './settings.ts'

export const httpSource = defineSource({
  class: 'tributary.http.HttpSourceConnector',
  aliases: ['HttpSource', 'HttpSourceConnector'],
  settings,
  check,
  checkSystem: async (config, signal, limits) => (await import('./system-check.ts')).checkServer(config, signal, limits),
  checkPositions: (config, positions) => validatePositions(positions, config),
  // The pages of a snapshot may change while they are read.
  exactlyOnceSupport: (config) => (config['http.offset.mode'] === 'SNAPSHOT' ? 'unsupported' : 'supported'),
  async *read(context) {
    const [wrong] = check(context.config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(context.config[wrong.setting as keyof typeof settings]), wrong.why)
    const { Polling } = await import('./polling.ts')
    yield* new Polling(context).read()
  },
})

export default defineConnector({
  name: 'http-source',
  doc: 'Polls a URL and writes the items of its responses as records: whole, by offset, by page or by cursor.',
  source: httpSource,
})

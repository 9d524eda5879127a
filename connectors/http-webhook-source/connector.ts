/**
 * Receives webhooks: requests of other systems that become records. The listener is loaded where a task starts.
 */
import { defineConnector, defineSource, InvalidSetting } from '../../connect/sdk/index.ts'
import { check, openness, settings } from './settings.ts'

export const webhookSource = defineSource({
  class: 'tributary.http.WebhookSourceConnector',
  aliases: ['WebhookSource', 'WebhookSourceConnector'],
  settings,
  check,
  checkSystem: async (config) => (await import('./system-check.ts')).checkListener(config),
  observe: async (config) => {
    const open = openness(config)
    return { metrics: {}, warnings: open === null ? [] : [open] }
  },
  // There is one listener.
  tasks: () => [{}],
  // A sender sends a request again whose response it has not seen.
  exactlyOnceSupport: () => 'unsupported',
  readHasEffects: true,
  async *read(context) {
    const { config, signal, log } = context
    const [wrong] = check(config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(config[wrong.setting as keyof typeof settings]), wrong.why)
    const open = openness(config)
    if (open !== null) log.warn(open)
    const { Receiver } = await import('./receiver.ts')
    const receiver = new Receiver(context)
    try {
      await receiver.listen()
      while (!signal.aborted) {
        const taken = await receiver.take(config['batch.size'], signal)
        if (taken.length > 0)
          yield {
            records: taken.map(({ record }) => record),
            positions: [],
            // Batches are acknowledged in their order: one that is not must not hold up the answers to the requests of others.
            stored: (index) => receiver.stored(taken[index]!),
            acknowledged: () => receiver.acknowledge(taken),
            rejected: (index, error, reason) => receiver.reject(taken[index]!, error, reason ?? 'system'),
            refused: (index, error, reason) => receiver.refuse(taken[index]!, error, reason),
          }
      }
    } finally {
      await receiver.close()
    }
  },
})

export default defineConnector({
  name: 'http-webhook-source',
  doc: 'Receives webhooks: a request becomes a record, and is answered once that is in Kafka.',
  source: webhookSource,
})

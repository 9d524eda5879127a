/**
 * The fixture of the webhook source: a sender that posts numbers one after the other, and each again until it is answered with success.
 */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { freePort } from '../../running-broker.ts'
import { startSender } from './sender.ts'

export default async function webhookFixture(): Promise<ConnectorFixture> {
  return {
    async source() {
      const port = await freePort()
      const sender = startSender(`http://127.0.0.1:${port}/numbers`)
      const more = async (many: number) => sender.add(many)
      return {
        config: { 'listen.port': String(port), 'topic.mapping': '/numbers:contract' },
        fill: more,
        more,
        numberOf: (value) => (value as { number: number }).number,
        stop: () => sender.stop(),
      }
    },
  }
}

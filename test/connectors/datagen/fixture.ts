/**
 * The fixture of the datagen source: it needs no system, and makes one record after the other.
 */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'

export default async function datagenFixture(): Promise<ConnectorFixture> {
  return {
    async source() {
      return {
        config: { quickstart: 'orders', 'kafka.topic': 'contract', 'records.per.second': '20000', 'batch.size': '1' },
        async fill() {},
        async more() {},
        numberOf: (value) => (value as { orderid: number }).orderid,
      }
    },
  }
}

/** The fixture that a connector of this project has in test/connectors/<name>/fixture.ts: those of its sides, and what they share. */
import type { SinkFixture, SourceFixture } from '../../connect/contract/index.ts'

export interface ConnectorFixture {
  source?(): Promise<SourceFixture>
  sink?(): Promise<SinkFixture>
  stop?(): Promise<void>
}

/**
 * Goal: a sink whose system is away for a while loses no record, writes none twice where it says so, stays RUNNING and says what it waits
 * for. Method: all sinks on one worker under load; their real servers are killed, or stopped so that they do not answer, for a few seconds,
 * and the connectors are stopped and resumed meanwhile. `npm run chaos:sinks -- --seconds 65` does it for longer than a minute.
 */
import { expect, test } from 'vitest'
import { S3_START_MS } from '../services/s3.ts'
import { sinksWithoutSystems } from './sinks-without-systems.ts'

test.each([
  { absence: 'killed', seconds: 6 },
  { absence: 'stopped', seconds: 4, stops: true },
] as const)('all systems are $absence for $seconds s', { timeout: 240_000 + S3_START_MS }, async (chosen) => {
  const { records, anomalies } = await sinksWithoutSystems(chosen)
  expect(anomalies).toEqual([])
  expect(records).toBeGreaterThan(0)
})

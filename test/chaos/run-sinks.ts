/**
 * Sinks without their systems for as long as one likes: `npm run chaos:sinks -- --seconds 65`, first with servers that are killed, then
 * with servers that do not respond; `--absence killed` or `stopped` for one of them; `--stops` stops and resumes the connectors meanwhile.
 * Ends with 1 where a record was lost, or is there twice.
 */
import { parseArgs } from 'node:util'
import type { Absence } from './away-systems.ts'
import { sinksWithoutSystems } from './sinks-without-systems.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '65' }, absence: { type: 'string' }, stops: { type: 'boolean' } },
})
const absences: readonly Absence[] = ['killed', 'stopped']
let failed = false
for (const absence of absences.filter((each) => values.absence === undefined || values.absence === each)) {
  const { records, anomalies, growthBytes } = await sinksWithoutSystems({
    absence,
    seconds: Number(values.seconds),
    stops: values.stops ?? false,
    onStep: (step) => console.log(`${absence}: ${step}`),
  })
  for (const anomaly of anomalies) console.error(anomaly)
  console.log(`${absence}: ${records} records, ${anomalies.length} anomalies; memory grew by ${Math.round(growthBytes / 1e6)} MB`)
  failed ||= anomalies.length > 0
}
process.exit(failed ? 1 : 0)

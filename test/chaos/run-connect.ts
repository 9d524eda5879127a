/**
 * Chaos of workers for as long as one likes: `npm run chaos:connect -- --seconds 180`; `--exactly-once` for exactly-once sources, and
 * `--seed N` for the faults of an earlier run. Ends with 1 where the history has an anomaly.
 */
import { parseArgs } from 'node:util'
import { seededRandom } from '../random.ts'
import { connectChaos } from './connect-cluster.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '180' }, 'exactly-once': { type: 'boolean', default: false }, seed: { type: 'string' } },
})
const { anomalies, faults, counted, repeatedInTopic, repeatedNotes } = await connectChaos({
  seconds: Number(values.seconds),
  exactlyOnce: values['exactly-once'],
  random: seededRandom(values.seed === undefined ? undefined : Number(values.seed)),
  onFault: (fault, worker) => console.log(`${fault} worker ${worker}`),
})
for (const anomaly of anomalies) console.error(anomaly)
console.log(
  `${faults} faults, ${counted} records; repeated: ${repeatedInTopic} in the topic, ${repeatedNotes} in the sink; ${anomalies.length} anomalies`,
)
process.exit(anomalies.length > 0 ? 1 : 0)

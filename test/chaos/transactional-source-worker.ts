/**
 * A worker with the source of pattern-source.ts, as a process that a test may kill. It creates the connector where there is none. Its
 * argument are the worker's settings, as JSON.
 */
import { startWorker } from '../../connect/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { patternConnector } from './pattern-source.ts'

const settings = JSON.parse(process.argv[2]!)
const worker = await startWorker(settings, realSystem('silent'), { connectors: [patternConnector] })
if (!worker.connectors().includes('pattern'))
  await worker.create(
    'pattern',
    { 'connector.class': 'PatternSource', topic: 'pattern', 'transaction.boundary': 'connector', 'exactly.once.support': 'required' },
    'RUNNING',
  )

/**
 * Generates records for demonstrations and tests, with the settings, schemas and positions of Confluent's datagen connector.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { datagenSource } from './source.ts'

export default defineConnector({
  name: 'datagen',
  doc: 'Generates records from a ready-made schema or from an Avro schema of your own, at a rate of your choice.',
  source: datagenSource,
})

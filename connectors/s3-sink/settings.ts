/**
 * The settings of the sink: those of Confluent's S3 sink, with its names, defaults and messages, and few more. Loaded at each start of a
 * worker.
 */
import type { ConfigOf } from '../../connect/sdk/index.ts'
import { s3ConnectionSettings } from '../s3-driver/connection-settings.ts'
import { formatSettings, recordSettings } from './format-settings.ts'
import { objectSettings, storageSettings } from './object-settings.ts'
import { partitionerSettings, rotationSettings } from './partitioner-settings.ts'

export const settings = {
  ...s3ConnectionSettings,
  ...formatSettings,
  ...rotationSettings,
  ...partitionerSettings,
  ...storageSettings,
  ...recordSettings,
  ...objectSettings,
}

export type SinkConfig = ConfigOf<typeof settings>

/**
 * What a config would fail at in its store. An upload is begun and aborted, as the sink does it: it shows the keys, the bucket and the
 * right to write with the encryption and the ACL of the settings, and nothing of it can be seen in the bucket.
 */

import { randomUUID } from 'node:crypto'
import { AbortMultipartUploadCommand, CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { s3Connection } from '../s3-driver/connection-settings.ts'
import { settingProblem } from '../s3-driver/failures.ts'
import { S3Store } from '../s3-driver/store.ts'
import { objectOptions } from './config-options.ts'
import type { SinkConfig } from './settings.ts'

export async function checkStore(config: SinkConfig, signal: AbortSignal): Promise<SettingProblem[]> {
  const store = new S3Store({ ...s3Connection(config), retries: 0 }, signal)
  const { parameters, customerKey } = objectOptions(config)
  const place = { Bucket: store.bucket, Key: `${config['topics.dir']}${config['directory.delim']}tributary-check-${randomUUID()}` }
  try {
    const { UploadId } = await store.request({ what: 'begin an upload', action: 's3:PutObject' }, (client, options) =>
      client.send(new CreateMultipartUploadCommand({ ...place, ...parameters, ...customerKey }), options),
    )
    await store.request({ what: 'abort an upload', action: 's3:AbortMultipartUpload' }, (client, options) =>
      client.send(new AbortMultipartUploadCommand({ ...place, UploadId: UploadId! }), options),
    )
    return []
  } catch (error) {
    const problem = settingProblem(error)
    if (problem) return [problem]
    throw error
  } finally {
    store.close()
  }
}

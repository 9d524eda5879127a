/**
 * What would fail at the store: it lists one object of the prefix, and reads a byte of it.
 */
import { GetObjectCommand } from '@aws-sdk/client-s3'
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { s3Connection } from '../s3-driver/connection-settings.ts'
import { customerKeyOf } from '../s3-driver/customer-key.ts'
import { settingProblem } from '../s3-driver/failures.ts'
import { S3Store } from '../s3-driver/store.ts'
import { listPage } from './object-content.ts'
import { prefixOf, type S3SourceConfig } from './settings.ts'

export async function checkBucket(config: S3SourceConfig, signal: AbortSignal): Promise<SettingProblem[]> {
  const store = new S3Store(s3Connection(config), signal)
  try {
    const { objects } = await listPage(store, { prefix: prefixOf(config), max: 1 })
    const first = objects.find(({ sizeBytes }) => sizeBytes > 0)
    if (first) {
      const subject = { what: `read s3://${store.bucket}/${first.key}`, action: 's3:GetObject' }
      await store.request(subject, async (client, options) => {
        const { Body } = await client.send(
          new GetObjectCommand({ Bucket: store.bucket, Key: first.key, Range: 'bytes=0-0', ...customerKeyOf(config) }),
          options,
        )
        await Body?.transformToByteArray()
      })
    }
    return []
  } catch (error) {
    const problem = settingProblem(error)
    // An object that is archived, or was deleted since, says nothing about the config.
    if (problem && !/InvalidObjectState|NoSuchKey/.test((error as { code?: string }).code ?? '')) return [problem]
    if (problem) return []
    throw error
  } finally {
    store.close()
  }
}

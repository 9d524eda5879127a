/**
 * DescribeLogDirs, key 35: the log directories of this broker, and the sizes of the partitions in them.
 * v2 is flexible; v3 adds errorCode; v4 adds totalBytes, usableBytes; v5 adds isCordoned.
 */
import { bool, int16, int32, int64, list, nullable, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const METADATA_TOPIC = '__cluster_metadata'

export default defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexible: 2,
  authorization: ['Describe Cluster'],
  request: {
    topics: nullable(
      list(
        struct({
          topic: string,
          partitions: list(int32),
        }),
      ),
    ),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: since(3, int16),
    results: list(
      struct({
        errorCode: int16,
        logDir: string,
        topics: list(
          struct({
            name: string,
            partitions: list(
              struct({
                partitionIndex: int32,
                partitionSize: int64,
                offsetLag: int64,
                isFutureKey: bool,
              }),
            ),
          }),
        ),
        totalBytes: since(4, int64, -1),
        usableBytes: since(4, int64, -1),
        isCordoned: since(5, bool),
      }),
    ),
  },
  handle({ request, broker, access }) {
    access.check('Describe Cluster')
    const { logs, system } = broker
    const asked = request.topics === null ? null : new Map(request.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
    const byDirectory = new Map(logs.directories.map(({ id }) => [id, new Map<string, PartitionInfo[]>()]))
    for (const log of logs.all()) {
      const { topic: name, partition: partitionIndex } = log
      if (name === METADATA_TOPIC || (asked !== null && !asked.get(name)?.has(partitionIndex))) continue
      const topics = byDirectory.get(logs.directoryOf(name, partitionIndex) ?? '')
      const partitions = topics?.get(name) ?? []
      partitions.push({ partitionIndex, partitionSize: log.sizeBytes, offsetLag: log.logEndOffset - log.highWatermark, isFutureKey: false })
      topics?.set(name, partitions)
    }
    const results = logs.directories.map(({ path, id }) => ({
      errorCode: 0,
      logDir: path,
      topics: [...byDirectory.get(id)!].map(([name, partitions]) => ({ name, partitions })),
      ...system.disk.space(path),
      isCordoned: false,
    }))
    return { throttleTimeMs: 0, errorCode: 0, results }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode, results: [] }),
})

interface PartitionInfo {
  partitionIndex: number
  partitionSize: number
  offsetLag: number
  isFutureKey: boolean
}

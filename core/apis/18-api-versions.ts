/**
 * ApiVersions, key 18. v1 adds throttleTimeMs; v3 is flexible, adds clientSoftwareName, clientSoftwareVersion, supportedFeatures,
 * finalizedFeaturesEpoch, finalizedFeatures, zkMigrationReady.
 */
import { defineApi } from '../wire/api.ts'
import { bool, int16, int32, int64, list, since, string, struct, tagged } from '../wire/types.ts'

export default defineApi({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexible: 3,
  request: {
    clientSoftwareName: since(3, string),
    clientSoftwareVersion: since(3, string),
  },
  response: {
    errorCode: int16,
    apiKeys: list(
      struct({
        apiKey: int16,
        minVersion: int16,
        maxVersion: int16,
      }),
    ),
    throttleTimeMs: since(1, int32),
    supportedFeatures: tagged(
      0,
      3,
      list(
        struct({
          name: string,
          minVersion: int16,
          maxVersion: int16,
        }),
      ),
    ),
    finalizedFeaturesEpoch: tagged(1, 3, int64, -1),
    finalizedFeatures: tagged(
      2,
      3,
      list(
        struct({
          name: string,
          maxVersionLevel: int16,
          minVersionLevel: int16,
        }),
      ),
    ),
    zkMigrationReady: tagged(3, 3, bool),
  },
})

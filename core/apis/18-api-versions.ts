/**
 * ApiVersions, key 18. v1 adds throttleTimeMs; v3 is flexible, adds clientSoftwareName, clientSoftwareVersion, supportedFeatures,
 * finalizedFeaturesEpoch, finalizedFeatures, zkMigrationReady.
 */
import { errorCode } from '../errors.ts'
import { bool, int16, int32, int64, list, since, string, struct, tagged } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

/** KIP-511's pattern for the name and the version of a client's software. */
const CLIENT_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
export default defineApi({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexible: 3,
  authorization: [],
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
  handle({ request, version, broker }) {
    const { clientSoftwareName: name, clientSoftwareVersion: software } = request
    if (version >= 3 && !(CLIENT_NAME.test(name) && CLIENT_NAME.test(software)))
      return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [], throttleTimeMs: 0 }
    const { supported, finalized, finalizedEpoch } = broker.cluster.features()
    return {
      errorCode: 0,
      apiKeys: broker.apis.map(({ key, versions, advertised = versions }) => ({
        apiKey: key,
        minVersion: advertised[0],
        maxVersion: advertised[1],
      })),
      throttleTimeMs: 0,
      // Below v4 a feature whose levels begin at 0 is left out (KAFKA-17011).
      supportedFeatures: supported.filter(({ minVersion }) => version >= 4 || minVersion > 0).map((feature) => ({ ...feature })),
      finalizedFeaturesEpoch: finalizedEpoch,
      // A feature at level 0 is left out.
      finalizedFeatures: finalized.map(({ name, level }) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
    }
  },
  errorResponse: (errorCode) => ({ errorCode, apiKeys: [], throttleTimeMs: 0 }),
})

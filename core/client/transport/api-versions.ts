/**
 * Which versions a broker supports (ApiVersions), requested once on each connection. A broker that does not support our version of the
 * request responds in version 0, with the versions that it supports (KIP-511).
 */
import apiVersions from '../../apis/18-api-versions.ts'
import { errorCode, errorName, KafkaError } from '../../errors.ts'
import { version } from '../../system/version.ts'
import type { AnyApi } from '../../wire/api.ts'
import type { Reader } from '../../wire/reader.ts'
import type { BrokerConnection } from './connection.ts'

const UNSUPPORTED = errorCode('UNSUPPORTED_VERSION')
const software = { clientSoftwareName: 'tributary', clientSoftwareVersion: version }

/** UNSUPPORTED_VERSION comes in the layout of version 0, whatever version was requested. */
const apiVersionsWithFallback: typeof apiVersions = {
  ...apiVersions,
  readResponse(reader: Reader, version: number) {
    const unsupported = reader.buffer.readInt16BE(reader.position) === UNSUPPORTED
    return apiVersions.readResponse(reader, unsupported ? 0 : version)
  },
}

/** Sets the connection's `versions` and `features`. */
export async function negotiateVersions(connection: BrokerConnection, timeoutMs: number): Promise<void> {
  let version = apiVersions.versions[1]
  for (;;) {
    const response = await connection.request(apiVersionsWithFallback, version, software, { timeoutMs })
    if (response.errorCode === 0) {
      connection.features = new Map(response.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]))
      connection.featuresEpoch = response.finalizedFeaturesEpoch
      connection.versions = new Map(response.apiKeys.map((range) => [range.apiKey, [range.minVersion, range.maxVersion]] as const))
      return
    }
    if (response.errorCode !== UNSUPPORTED || version === 0)
      throw new KafkaError(errorName(response.errorCode), `ApiVersions: ${errorName(response.errorCode)}`)
    const supported = response.apiKeys.find((range) => range.apiKey === apiVersions.key)
    version = supported && supported.maxVersion < version ? supported.maxVersion : 0
  }
}

/** The highest version that client and broker support, at most `maxVersion`. Throws KafkaError UNSUPPORTED_VERSION where there is none. */
export function commonVersion(connection: BrokerConnection, api: AnyApi, maxVersion = Number.POSITIVE_INFINITY): number {
  const supported = connection.versions.get(api.key)
  const broker = `${connection.address.host}:${connection.address.port}`
  if (!supported) throw new KafkaError('UNSUPPORTED_VERSION', `${broker} does not support ${api.name}`)
  const [min, max] = [api.versions[0], Math.min(api.versions[1], maxVersion)]
  const version = Math.min(max, supported[1])
  if (version < min || version < supported[0])
    throw new KafkaError(
      'UNSUPPORTED_VERSION',
      `${api.name}: ${broker} supports versions ${supported[0]} to ${supported[1]}, this client ${min} to ${max}`,
    )
  return version
}

/**
 * What a broker can do: asked once on each connection. A broker that does not know our version of the question answers in version 0 and
 * names the versions that it knows (KIP-511).
 */
import apiVersions from '../../apis/18-api-versions.ts'
import { errorCode, errorName, KafkaError } from '../../errors.ts'
import { version } from '../../system/version.ts'
import type { AnyApi } from '../../wire/api.ts'
import type { Reader } from '../../wire/reader.ts'
import type { BrokerConnection } from './connection.ts'

const UNSUPPORTED = errorCode('UNSUPPORTED_VERSION')
const software = { clientSoftwareName: 'tributary', clientSoftwareVersion: version }

/** The answer's layout depends on its error code: a refusal has version 0. */
const question: typeof apiVersions = {
  ...apiVersions,
  readResponse(reader: Reader, version: number) {
    const refused = reader.buffer.readInt16BE(reader.position) === UNSUPPORTED
    return apiVersions.readResponse(reader, refused ? 0 : version)
  },
}

export async function negotiate(connection: BrokerConnection, timeoutMs: number): Promise<void> {
  let version = apiVersions.versions[1]
  for (;;) {
    const answer = await connection.request(question, version, software, { timeoutMs })
    if (answer.errorCode === 0) {
      connection.versions = new Map(answer.apiKeys.map((row) => [row.apiKey, [row.minVersion, row.maxVersion]] as const))
      return
    }
    if (answer.errorCode !== UNSUPPORTED || version === 0)
      throw new KafkaError(errorName(answer.errorCode), `ApiVersions: ${errorName(answer.errorCode)}`)
    const own = answer.apiKeys.find((row) => row.apiKey === apiVersions.key)
    version = own && own.maxVersion < version ? own.maxVersion : 0
  }
}

/** The highest version that both sides know, at most `cap`. */
export function commonVersion(connection: BrokerConnection, api: AnyApi, cap = Number.POSITIVE_INFINITY): number {
  const there = connection.versions.get(api.key)
  const where = `${connection.address.host}:${connection.address.port}`
  if (!there) throw new KafkaError('UNSUPPORTED_VERSION', `${where} does not know ${api.name}`)
  const version = Math.min(api.versions[1], there[1], cap)
  if (version < api.versions[0] || version < there[0])
    throw new KafkaError(
      'UNSUPPORTED_VERSION',
      `${api.name}: ${where} takes versions ${there[0]} to ${there[1]}, we know ${api.versions[0]} to ${Math.min(api.versions[1], cap)}`,
    )
  return version
}

/**
 * DescribeConfigs, key 32: the configs of topics, of this broker, of its loggers, of groups and of client metrics subscriptions.
 * v3 adds includeDocumentation, configType, documentation; v4 is flexible.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { ConfigEntry } from '../cluster/types.ts'
import { codeOf, KafkaError } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import { type Access, deniedError } from './access.ts'
import { aclResourceType, storedResource } from './config-resources.ts'
import { defineApi } from './define-api.ts'

const MALFORMED =
  'This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.'

/** An unknown type fails the whole request. */
function isAuthorized(access: Access, type: number, name: string): boolean {
  const aclType = aclResourceType(type)
  if (!aclType) throw new KafkaError('INVALID_REQUEST', MALFORMED)
  return aclType === 'Cluster' ? access.allows('DescribeConfigs Cluster') : access.allows(`DescribeConfigs ${aclType}`, name)
}

function entriesOf(broker: BrokerServices, type: number, name: string, names: readonly string[] | null): ConfigEntry[] {
  const resource = storedResource(type, name)
  return resource ? broker.cluster.describeConfigs(resource, names) : broker.cluster.describeLoggers(name, names)
}

export default defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  authorization: ['DescribeConfigs Cluster', 'DescribeConfigs Topic', 'DescribeConfigs Group'],
  request: {
    resources: list(
      struct({
        resourceType: int8,
        resourceName: string,
        configurationKeys: nullable(list(string)),
      }),
    ),
    includeSynonyms: bool,
    includeDocumentation: since(3, bool),
  },
  response: {
    throttleTimeMs: int32,
    results: list(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        configs: list(
          struct({
            name: string,
            value: nullable(string),
            readOnly: bool,
            configSource: optional(int8, -1),
            isSensitive: bool,
            synonyms: list(
              struct({
                name: string,
                value: nullable(string),
                source: int8,
              }),
            ),
            configType: since(3, int8),
            documentation: since(3, nullable(string), ''),
          }),
        ),
      }),
    ),
  },
  handle({ request, broker, access }) {
    const authorized = request.resources.map(({ resourceType, resourceName }) => isAuthorized(access, resourceType, resourceName))
    const results = request.resources.map(({ resourceType, resourceName, configurationKeys }, index) => {
      const result = { errorCode: 0, errorMessage: '' as string | null, resourceType, resourceName }
      try {
        if (!authorized[index]) throw deniedError(aclResourceType(resourceType)!)
        // An empty list means all keys, as null does.
        const names = configurationKeys?.length === 0 ? null : configurationKeys
        const entries = entriesOf(broker, resourceType, resourceName, names)
        return {
          ...result,
          configs: entries.map(({ name, value, readOnly, source, isSensitive, type, documentation, synonyms }) => ({
            name,
            value,
            readOnly,
            configSource: source,
            isSensitive,
            synonyms: request.includeSynonyms ? synonyms : [],
            configType: type,
            documentation: request.includeDocumentation ? documentation : null,
          })),
        }
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        return { ...result, errorCode: codeOf(error), errorMessage: error.message, configs: [] }
      }
    })
    return { throttleTimeMs: 0, results }
  },
  errorResponse: (errorCode, { resources }, _, errorMessage) => ({
    throttleTimeMs: 0,
    results: resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
})

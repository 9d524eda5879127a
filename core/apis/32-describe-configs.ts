/**
 * DescribeConfigs, key 32: the configs of topics, of this broker, of its loggers, of groups and of client metrics subscriptions.
 * v3 adds includeDocumentation, configType, documentation; v4 is flexible.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { ConfigEntry } from '../cluster/types.ts'
import { codeOf, KafkaError } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import { resourceTypes, storedResource } from './config-resources.ts'
import { defineApi } from './define-api.ts'

function entriesOf(broker: BrokerServices, type: number, name: string, names: readonly string[] | null): ConfigEntry[] {
  if (type === resourceTypes.brokerLogger) return broker.cluster.describeLoggers(name, names)
  const resource = storedResource(type, name)
  if (resource) return broker.cluster.describeConfigs(resource, names)
  throw new KafkaError(
    'INVALID_REQUEST',
    'This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.',
  )
}

export default defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
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
  handle({ request, broker }) {
    const results = request.resources.map(({ resourceType, resourceName, configurationKeys }) => {
      const result = { errorCode: 0, errorMessage: '' as string | null, resourceType, resourceName }
      try {
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
  errorResponse: (errorCode, { resources }) => ({
    throttleTimeMs: 0,
    results: resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
})

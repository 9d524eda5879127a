/**
 * ListConfigResources, key 74: the names of topics, brokers and other resources that have configs.
 * v0 lists client metrics only; v1 adds resourceTypes, resourceType.
 */
import { errorCode } from '../errors.ts'
import { int8, int16, int32, list, since, string, struct } from '../wire/types.ts'
import { resourceTypes } from './config-resources.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  authorization: ['DescribeConfigs Cluster'],
  request: {
    resourceTypes: since(1, list(int8)),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    configResources: list(
      struct({
        resourceName: string,
        resourceType: since(1, int8, resourceTypes.clientMetrics),
      }),
    ),
  },
  handle({ request, version, broker, access }) {
    access.check('DescribeConfigs Cluster')
    const { cluster, settings } = broker
    const all: number[] = Object.values(resourceTypes)
    const asked =
      version === 0 ? [resourceTypes.clientMetrics] : request.resourceTypes.length > 0 ? [...new Set(request.resourceTypes)] : all
    if (asked.some((type) => !all.includes(type)))
      return { throttleTimeMs: 0, errorCode: errorCode('UNSUPPORTED_VERSION'), configResources: [] }
    const namesOf = (type: number): string[] => {
      if (type === resourceTypes.topic) return [...cluster.topics()].map(({ name }) => name)
      if (type === resourceTypes.broker || type === resourceTypes.brokerLogger) return [String(settings.nodeId)]
      return [...cluster.configResources(type)]
    }
    const configResources = asked.flatMap((resourceType) => namesOf(resourceType).map((resourceName) => ({ resourceName, resourceType })))
    return { throttleTimeMs: 0, errorCode: 0, configResources }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode, configResources: [] }),
})

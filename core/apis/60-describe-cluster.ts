/**
 * DescribeCluster, key 60: the cluster id and this broker, as the listener advertises it.
 * v1 adds endpointType; v2 adds includeFencedBrokers, isFenced.
 */
import { errorCode } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import type { Access } from './access.ts'
import { advertisedEndpoint } from './advertised-endpoint.ts'
import { NOT_INCLUDED } from './authorized-operations.ts'
import { defineApi } from './define-api.ts'

/** Everybody may see the brokers; who may not describe the cluster does not see what is allowed on it. */
const clusterOperations = (access: Access): number => (access.allows('Describe Cluster') ? access.operations('Cluster') : 0)

const endpointTypes = { broker: 1, controller: 2 } as const

export default defineApi({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexible: 0,
  authorization: ['Describe Cluster'],
  request: {
    includeClusterAuthorizedOperations: bool,
    endpointType: since(1, int8, 1),
    includeFencedBrokers: since(2, bool),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: optional(nullable(string)),
    endpointType: since(1, int8, 1),
    clusterId: string,
    controllerId: optional(int32, -1),
    brokers: list(
      struct({
        brokerId: int32,
        host: string,
        port: int32,
        rack: optional(nullable(string)),
        isFenced: since(2, bool),
      }),
    ),
    clusterAuthorizedOperations: optional(int32, NOT_INCLUDED),
  },
  handle({ request, broker, peer, access }) {
    const { settings, cluster } = broker
    const failed = (code: number, errorMessage: string) => ({
      throttleTimeMs: 0,
      errorCode: code,
      errorMessage,
      clusterId: '',
      brokers: [],
    })
    if (request.endpointType === endpointTypes.controller)
      return failed(
        errorCode('MISMATCHED_ENDPOINT_TYPE'),
        'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
      )
    if (request.endpointType !== endpointTypes.broker)
      return failed(errorCode('UNSUPPORTED_ENDPOINT_TYPE'), `Unsupported endpoint type ${request.endpointType}`)
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      clusterId: cluster.clusterId,
      controllerId: settings.nodeId,
      brokers: [{ brokerId: settings.nodeId, ...advertisedEndpoint(broker, peer), rack: settings.values['broker.rack'], isFenced: false }],
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations(access) : NOT_INCLUDED,
    }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode, clusterId: '', brokers: [] }),
})

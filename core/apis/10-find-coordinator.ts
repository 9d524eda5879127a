/**
 * FindCoordinator, key 10. v1 adds keyType, throttleTimeMs, errorMessage; v3 is flexible; v4 adds coordinatorKeys, coordinators, drops
 * key, errorCode, errorMessage, nodeId, host, port.
 */
import { codeOf, type ErrorName, errorCode } from '../errors.ts'
import { between, int8, int16, int32, list, nullable, since, string, struct, until } from '../wire/types.ts'
import { advertisedEndpoint } from './advertised-endpoint.ts'
import { defineApi } from './define-api.ts'
import type { RequestContext } from './request-context.ts'

/** Share groups (KIP-932) exist since v6. */
const keyTypes = { group: 0, transaction: 1, share: 2 } as const
const noNode = { nodeId: -1, host: '', port: -1 } as const

/** As Kafka puts them. */
const deniedMessages = {
  GROUP_AUTHORIZATION_FAILED: 'Group authorization failed.',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'Transactional Id authorization failed.',
  CLUSTER_AUTHORIZATION_FAILED: 'Cluster authorization failed.',
} as const satisfies Partial<Record<ErrorName, string>>

type Context = Pick<RequestContext, 'version' | 'broker' | 'peer' | 'access'>

/** From v4 on Kafka explains the error of a whole request, and not that of a key. */
const denied = (error: keyof typeof deniedMessages, isExplained: boolean) => ({
  ...noNode,
  errorCode: errorCode(error),
  errorMessage: isExplained ? deniedMessages[error] : '',
})

/** This broker is the coordinator of every group and transactional id; the first request creates the topic that stores them. */
async function findCoordinator(key: string, keyType: number, { version, broker, peer, access }: Context) {
  const failed = (code: number, errorMessage: string) => ({ ...noNode, errorCode: code, errorMessage })
  if (keyType === keyTypes.group && !access.allows('Describe Group', key)) return denied('GROUP_AUTHORIZATION_FAILED', version < 4)
  if (keyType === keyTypes.transaction && !access.allows('Describe TransactionalId', key))
    return denied('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', version < 4)
  if (keyType === keyTypes.share && version >= 6) {
    if (!access.allows('ClusterAction Cluster')) return denied('CLUSTER_AUTHORIZATION_FAILED', true)
    return failed(errorCode('INVALID_REQUEST'), `share groups are not implemented: there is no coordinator for ${key}`)
  }
  if (keyType !== keyTypes.group && keyType !== keyTypes.transaction)
    return failed(errorCode('INVALID_REQUEST'), `version ${version} has no key type ${keyType}`)
  const [coordinator, topic] =
    keyType === keyTypes.group ? [broker.groups, '__consumer_offsets'] : [broker.transactions, '__transaction_state']
  try {
    await coordinator.prepare()
  } catch (error) {
    broker.system.logger.error({ err: error, code: codeOf(error) }, `${topic} cannot be created`)
    return failed(errorCode('COORDINATOR_NOT_AVAILABLE'), `${topic} cannot be created`)
  }
  return { nodeId: broker.settings.nodeId, ...advertisedEndpoint(broker, peer), errorCode: 0, errorMessage: version < 4 ? 'NONE' : '' }
}

export default defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexible: 3,
  authorization: ['Describe Group', 'Describe TransactionalId', 'ClusterAction Cluster'],
  request: {
    key: until(3, string),
    keyType: since(1, int8),
    coordinatorKeys: since(4, list(string)),
  },
  response: {
    throttleTimeMs: since(1, int32),
    errorCode: until(3, int16),
    errorMessage: between(1, 3, nullable(string), ''),
    nodeId: until(3, int32),
    host: until(3, string),
    port: until(3, int32),
    coordinators: since(
      4,
      list(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      ),
    ),
  },
  async handle(context) {
    const { request, version } = context
    const find = async (key: string) => {
      const coordinator = await findCoordinator(key, request.keyType, context)
      return { key, ...coordinator }
    }
    if (version >= 4) return { coordinators: await Promise.all(request.coordinatorKeys.map(find)) }
    const { key: _, ...coordinator } = await find(request.key)
    return coordinator
  },
  errorResponse: (errorCode, { coordinatorKeys }) => ({
    ...noNode,
    errorCode,
    coordinators: coordinatorKeys.map((key) => ({ key, ...noNode, errorCode, errorMessage: null })),
  }),
})

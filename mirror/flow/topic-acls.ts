/**
 * Which access control list entries of a source belong on the target, as MirrorMaker 2 decides: those of mirrored topics, by literal name.
 * Nobody but the mirror is to write to a mirrored topic, so ALLOW WRITE is left out and ALLOW ALL becomes ALLOW READ. Pure.
 */
import { type Acl, type AclFilter, aclKey, aclOperations, patternTypes, permissionTypes, resourceTypes } from '../../core/client/index.ts'
import { type Route, replicates } from '../settings/filters.ts'

/** Entries of topics by literal name. */
export const topicAclFilter: AclFilter = {
  resourceType: resourceTypes.Topic,
  resourceName: null,
  patternType: patternTypes.LITERAL,
  principal: null,
  host: null,
  operation: aclOperations.Any,
  permissionType: permissionTypes.ANY,
}

/**
 * The entries to create, each once. The name `*` of all topics is renamed as every name is: with the DefaultReplicationPolicy it concerns
 * no topic of the target, with the IdentityReplicationPolicy it concerns them all.
 */
export function targetAcls(sourceAcls: readonly Acl[], route: Route): Acl[] {
  const acls = new Map<string, Acl>()
  for (const source of sourceAcls) {
    const { resourceType, resourceName, patternType, operation, permissionType } = source
    if (resourceType !== resourceTypes.Topic || patternType !== patternTypes.LITERAL || !replicates(route, resourceName)) continue
    const allows = permissionType === permissionTypes.ALLOW
    if (allows && operation === aclOperations.Write) continue
    const acl = {
      ...source,
      resourceName: route.policy.remoteTopic(route.source, resourceName),
      operation: allows && operation === aclOperations.All ? aclOperations.Read : operation,
    }
    acls.set(aclKey(acl), acl)
  }
  return [...acls.values()]
}

/** The public interface of the registry: how it is started, its settings, and what its REST API calls. */
export { type AssociationFilter, associationAnswer, type Lifecycle, lifecycles, TOPIC } from './association.ts'
export { checkAssociations, decideAssociations, decideDeleteAssociations } from './association-decisions.ts'
export { type RequestKind, readAssociationRequest } from './association-request.ts'
export {
  type ConfigRequest,
  decideDeleteConfig,
  decideDeleteMode,
  decideSetMode,
  decideUpdateConfig,
  readConfigOf,
  readModeOf,
} from './configuration.ts'
export type { DecisionContext } from './decision-context.ts'
export { decideDeleteContext, decideDeleteSubject, decideDeleteVersion } from './deletion.ts'
export { nonEmpty } from './entities.ts'
export { ALL_CONTEXTS, contextOf, normalizeSubject, prefixOfContext, qualifyWithParent } from './qualified-subject.ts'
export {
  type DeletedFilter,
  formattedAnswer,
  getByGuid,
  getById,
  getVersion,
  latestWithMetadata,
  listContexts,
  listedAnswer,
  listIdsOfGuid,
  listReferencedBy,
  listSchemas,
  listSubjects,
  listTypes,
  listVersions,
  listVersionsOfId,
  parseVersion,
  versionsToCheck,
} from './queries.ts'
export {
  checkCompatibility,
  checkRegisterRequest,
  decideRegister,
  findRegistered,
  normalizes,
  registeredAnswer,
} from './registration.ts'
export {
  FORWARDING_FAILED,
  forwardingFailed,
  NotRegistryLeader,
  SchemaRegistryError,
  schemaNotFound,
  unknownLeader,
} from './registry-error.ts'
export { parseRegistrySettings, registrySettings } from './registry-settings.ts'
export type { SchemaRequest } from './requested-schema.ts'
export { lookUpSchema, lookupAnswer } from './schema-lookup.ts'
export { type RegistryOptions, SchemaRegistry, startRegistry } from './schema-registry.ts'
export { decideModifyTags, type TagsRequest, withEarlierTags, withRequestedTags } from './schema-tags.ts'

/** The resources of the registry's API: what their routes may use, and the headings under which the API's document has them. */
import type { System } from '../../core/system/index.ts'
import type { SchemaRegistry } from '../../registry/index.ts'

export interface RegistryServices {
  readonly registry: Pick<SchemaRegistry, 'context' | 'config' | 'write' | 'check' | 'readToEnd' | 'leaderAfter' | 'clusterId'>
  readonly system: System
  readonly version: string
}

export const registryTags = [
  { tag: 'Subjects', order: 1, doc: 'Subjects, and the schemas that they have' },
  { tag: 'Versions', order: 2, doc: 'Registering schemas, and the versions of a subject' },
  { tag: 'Schemas', order: 3, doc: 'Schemas by their id' },
  { tag: 'Compatibility', order: 4, doc: 'Whether a schema could be registered' },
  { tag: 'Config', order: 5, doc: 'Compatibility levels and other configs' },
  { tag: 'Mode', order: 6, doc: 'Read-only subjects, and import from another registry' },
  { tag: 'Associations', order: 9, doc: 'Which subjects a topic is associated with' },
  { tag: 'Contexts', order: 7, doc: 'Contexts, each with subjects and ids of its own' },
  { tag: 'Server', order: 8, doc: 'The registry itself' },
] as const

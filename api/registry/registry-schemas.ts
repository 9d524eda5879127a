/**
 * Schemas of bodies, paths and responses of the registry's API: the bodies are checked against them, and the document of the API is made of
 * them.
 */
import { errorResponse } from '../schemas.ts'

const nullable = (type: string, description: string) => ({ type: [type, 'null'], description })
/** A record of Kafka has four bytes for the id of its schema. */
const int32 = (description: string) => ({ type: ['integer', 'null'], minimum: -(2 ** 31), maximum: 2 ** 31 - 1, description })

const reference = {
  type: 'object',
  properties: {
    name: nullable('string', 'The name by which the schema refers to it'),
    subject: nullable('string', 'The subject that has it; in the same context where it names none'),
    version: int32('The version of the subject; -1 for the latest'),
  },
}

const object = (description: string) => ({ type: ['object', 'null'], description })

const schemaTags = (description: string) => ({
  type: ['array', 'null'],
  items: {
    type: 'object',
    properties: {
      schemaEntity: {
        type: 'object',
        properties: {
          entityPath: { type: 'string', description: 'The name of a record or message; of a field, with a dot and its name' },
          entityType: { type: 'string', description: 'sr_record or sr_field' },
        },
      },
      tags: { type: 'array', items: { type: 'string' }, description: 'The tags' },
    },
  },
  description,
})

export const registerBody = {
  type: 'object',
  properties: {
    schema: nullable('string', 'The schema, as text'),
    schemaType: nullable('string', 'AVRO, JSON or PROTOBUF; AVRO by default'),
    references: { type: ['array', 'null'], items: reference, description: 'The schemas that it refers to' },
    metadata: object('Tags, properties and sensitive properties'),
    ruleSet: object('Migration, domain and encoding rules'),
    id: int32('The id that it has in another registry, in IMPORT mode'),
    version: int32('The version that it has in another registry, in IMPORT mode; else the next version'),
    schemaTagsToAdd: schemaTags('Tags that are written into the schema'),
    schemaTagsToRemove: schemaTags('Tags that are taken out of the schema'),
    propagateSchemaTags: nullable('boolean', 'Whether it gets the tags that the schema of the latest version has'),
  },
  examples: [{ schemaType: 'AVRO', schema: '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}' }],
} as const

export const tagsBody = {
  type: 'object',
  properties: {
    newVersion: int32('The version that it gets, which must be the next one'),
    tagsToAdd: schemaTags('Tags that are written into the schema'),
    tagsToRemove: schemaTags('Tags that are taken out of the schema'),
    metadata: object('Other metadata'),
    ruleSet: object('Other rules; those of the latest version by default'),
    rulesToMerge: object('Rules that are added to those of the latest version, or replace those with their names'),
    rulesToRemove: { type: ['array', 'null'], items: { type: 'string' }, description: 'Names of rules that are left out' },
  },
  examples: [{ tagsToAdd: [{ schemaEntity: { entityPath: 'Order.email', entityType: 'sr_field' }, tags: ['PII'] }] }],
} as const

export const associationsBody = {
  type: 'object',
  properties: {
    resourceName: nullable('string', 'The name of the topic'),
    resourceNamespace: nullable('string', 'The id of its cluster'),
    resourceId: nullable('string', 'An id that no other resource has'),
    resourceType: nullable('string', 'topic'),
    associations: {
      type: ['array', 'null'],
      items: {
        type: 'object',
        properties: {
          subject: nullable('string', 'The subject; of a STRONG association :.NAMESPACE:NAME-TYPE by default'),
          associationType: nullable('string', 'key or value; value by default'),
          lifecycle: nullable('string', 'STRONG: the subject belongs to the topic. WEAK: it is shared'),
          frozen: nullable('boolean', 'Whether its schema does not change any more'),
          schema: object('A schema that is registered under the subject, as POST /subjects/{subject}/versions takes it'),
          normalize: nullable('boolean', 'Whether the schema is normalized first'),
        },
      },
      description: 'The associations',
    },
  },
  examples: [
    {
      resourceName: 'orders',
      resourceNamespace: 'lkc-1',
      resourceId: 'orders-1',
      associations: [{ subject: 'orders-value', lifecycle: 'WEAK' }],
    },
  ],
} as const

export const configBody = {
  type: 'object',
  properties: {
    compatibility: nullable('string', 'NONE, BACKWARD, FORWARD, FULL, or one of the last three with _TRANSITIVE'),
    alias: nullable('string', 'The subject that this one stands for'),
    normalize: nullable('boolean', 'Whether schemas are normalized'),
    validateFields: nullable('boolean', 'Whether reserved fields are checked'),
    compatibilityPolicy: nullable('string', 'STRICT, or LENIENT: properties of JSON objects may be added and removed'),
    compatibilityGroup: nullable('string', 'The property of the metadata whose values have compatibility of their own'),
    defaultMetadata: object('Metadata of schemas that have none'),
    overrideMetadata: object('Metadata of every schema'),
    defaultRuleSet: object('Rules of schemas that have none'),
    overrideRuleSet: object('Rules of every schema'),
  },
  examples: [{ compatibility: 'FULL_TRANSITIVE' }],
} as const

export const modeBody = {
  type: 'object',
  properties: { mode: nullable('string', 'READWRITE, READONLY, IMPORT, or FORWARD for all contexts') },
  examples: [{ mode: 'READONLY' }],
} as const

/** A query parameter, which may be there more than once. */
export const findTags = { findTags: 'Also the tags in the schema that are one of these; * for all' } as const

const parameterDocs: Readonly<Record<string, string>> = {
  subject: 'The subject; `:.context:subject` in a context',
  version: 'The version, or latest',
  id: 'The id of the schema',
  guid: 'The GUID of the schema',
  context: 'The name of the context, as .name',
  resourceId: 'The id of the resource',
  namespace: 'The namespace of the resource; of a topic, the id of its cluster',
  name: 'The name of the resource',
}

/** The schema of the parameters of a path. */
export const params = (...names: readonly string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string', description: parameterDocs[name] }])),
  required: names,
})

/** The responses of a route: the one that is expected, and errors by their status. */
export const responses = (description: string, ...errors: readonly number[]) => ({
  200: { description },
  ...Object.fromEntries(errors.map((status) => [status, errorResponse])),
})

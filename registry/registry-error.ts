/**
 * Errors of the registry, with the HTTP status, the error code and the sentence that Confluent's Schema Registry answers: its clients
 * decide by the code.
 */
export class SchemaRegistryError extends Error {
  override name = 'SchemaRegistryError'
  readonly status: number
  readonly code: number

  constructor(status: number, code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
  }
}

/** Thrown by what only the leader may do; whoever serves the request forwards it to `leaderUrl`. */
export class NotRegistryLeader extends Error {
  override name = 'NotRegistryLeader'
  readonly leaderUrl: string

  constructor(leaderUrl: string) {
    super(`the leader is ${leaderUrl}`)
    this.leaderUrl = leaderUrl
  }
}

const notFound = (code: number, message: string) => new SchemaRegistryError(404, code, message)
const unprocessable = (code: number, message: string, cause?: unknown) =>
  new SchemaRegistryError(422, code, message, cause === undefined ? {} : { cause })

export const subjectNotFound = (subject: string | null) => notFound(40401, `Subject '${subject}' not found.`)
export const versionNotFound = (version: number) => notFound(40402, `Version ${version} not found.`)
export const schemaNotFound = (id?: number | string) => notFound(40403, id === undefined ? 'Schema not found' : `Schema ${id} not found`)
// Confluent's sentences have no space after the full stop.
export const subjectSoftDeleted = (subject: string) =>
  notFound(40404, `Subject '${subject}' was soft deleted.Set permanent=true to delete permanently`)
export const subjectNotSoftDeleted = (subject: string) =>
  notFound(40405, `Subject '${subject}' was not deleted first before being permanently deleted`)
export const versionSoftDeleted = (subject: string, version: number) =>
  notFound(40406, `Subject '${subject}' Version ${version} was soft deleted.Set permanent=true to delete permanently`)
export const versionNotSoftDeleted = (subject: string, version: number) =>
  notFound(40407, `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`)
export const compatibilityNotConfigured = (subject: string) =>
  notFound(40408, `Subject '${subject}' does not have subject-level compatibility configured`)
export const modeNotConfigured = (subject: string) => notFound(40409, `Subject '${subject}' does not have subject-level mode configured`)

export const incompatibleSchema = (subject: string, messages: readonly string[]) =>
  new SchemaRegistryError(
    409,
    409,
    `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${messages.join(', ')}]`,
  )

export const associationNotFound = (resource: string) => notFound(40410, `Association for '${resource}' not found.`)

const conflict = (code: number, message: string) => new SchemaRegistryError(409, code, message)

export const associationExists = (type: string, resource: string) =>
  conflict(40903, `An association of type '${type}' already exists for resource '${resource}'`)
export const subjectIsAssociated = (subject: string) => conflict(40904, `An association already exists for subject '${subject}'`)
export const strongAssociationExists = (subject: string) => conflict(40905, `A strong association already exists for subject '${subject}'`)
export const noActiveVersion = (subject: string) => conflict(40907, `No active (non-deleted) version exists for subject '${subject}'`)
export const associationFrozen = (type: string, subject: string) =>
  conflict(40908, `The association of type  '${type}' is frozen for subject '${subject}'`)
export const invalidAssociation = (property: string, detail: string) =>
  unprocessable(42212, `The association specified an invalid value for property: '${property}', detail: ${detail}`)

export const invalidSchema = (message: string, cause?: unknown) => unprocessable(42201, message, cause)
export const invalidVersion = (version: string) =>
  unprocessable(
    42202,
    `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
  )
export const invalidCompatibility = () =>
  unprocessable(
    42203,
    'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
  )
export const invalidMode = (message = 'Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.') =>
  unprocessable(42204, message)
export const notPermitted = (message: string) => unprocessable(42205, message)
export const referenceExists = (subject: string, version: number) =>
  unprocessable(42206, `One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=${subject},version=${version}}.`)
export const invalidSubject = (subject: string) => unprocessable(42208, `The specified subject '${subject}' is not a valid.`)
export const uncheckable = (why: string) =>
  unprocessable(
    42201,
    `The compatibility with an earlier schema ${why}. Make the schema smaller, or set the compatibility of the subject to NONE.`,
  )
export const schemaTooLarge = () => unprocessable(42209, 'Register operation failed because schema is too large')
export const invalidRuleSet = (message: string) => unprocessable(42210, message)
export const contextNotEmpty = (context: string) => unprocessable(42211, `The specified context '${context}' is not empty.`)

export const storeError = (message: string, cause?: unknown) => new SchemaRegistryError(500, 50001, message, { cause })
export const operationTimedOut = (message: string, cause?: unknown) => new SchemaRegistryError(500, 50002, message, { cause })
export const FORWARDING_FAILED = 50003
export const forwardingFailed = (message: string, cause?: unknown) => new SchemaRegistryError(500, FORWARDING_FAILED, message, { cause })
export const unknownLeader = (message = 'Leader not known.') => new SchemaRegistryError(500, 50004, message)

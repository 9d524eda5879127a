/**
 * The decisions of a registry without a topic: what a decision writes is applied to the image at once, as records that were written and
 * read back. The lines are kept, in the form of the topic.
 */
import type { Decision, DecisionContext } from '../../registry/decision-context.ts'
import { checkBackward } from '../../registry/formats/index.ts'
import { ParsedSchemas } from '../../registry/parsed-schemas.ts'
import { normalizeSubject } from '../../registry/qualified-subject.ts'
import { checkRegisterRequest, decideRegister, type Registered } from '../../registry/registration.ts'
import { SchemaRegistryError } from '../../registry/registry-error.ts'
import { RegistryImage } from '../../registry/registry-image.ts'
import type { SchemaRequest } from '../../registry/requested-schema.ts'
import { formatKey, formatValue, keyOf, type RegistryRecord, readRecord } from '../../registry/topic-records.ts'

export class RegistryInMemory {
  readonly image = new RegistryImage()
  readonly context: DecisionContext
  /** Every record that was applied: its key and its value. */
  readonly lines: (readonly [key: string, value: string | null])[] = []
  #offset = 0

  constructor(defaults: Partial<DecisionContext['defaults']> = {}, { modesCanChange = true } = {}) {
    this.context = {
      image: this.image,
      parsed: new ParsedSchemas(this.image, 100),
      defaults: { compatibilityLevel: 'BACKWARD', validateFields: false, validateNewSchemas: true, ...defaults },
      compare: checkBackward,
      modesCanChange,
    }
  }

  apply(records: readonly RegistryRecord[]): void {
    for (const record of records) this.line(formatKey(keyOf(record)), formatValue(record))
  }

  /** One record of the topic, as another registry may have written it. */
  line(key: string, value: string | null) {
    this.lines.push([key, value])
    const record = readRecord(key, value)
    return record && this.image.apply(record, this.#offset++)
  }

  decide<T>(decide: (context: DecisionContext) => Decision<T>): T {
    const { records, answer } = decide(this.context)
    this.apply(records)
    return answer
  }

  register(subject: string, request: SchemaRequest | string, { normalize = false, force = false } = {}): Registered {
    const requested = checkRegisterRequest(subject, typeof request === 'string' ? { schema: request } : request)
    return this.decide((context) => decideRegister(context, normalizeSubject(subject), requested, { normalize, force }))
  }
}

/** The status, code and sentence of the error that `attempt` throws. */
export function refusal(attempt: () => unknown): readonly [status: number, code: number, message: string] | null {
  try {
    attempt()
    return null
  } catch (error) {
    if (!(error instanceof SchemaRegistryError)) throw error
    return [error.status, error.code, error.message]
  }
}

/** An Avro record with int fields; a name with a question mark has a default. */
export const avroRecord = (...fields: readonly string[]): string =>
  JSON.stringify({
    type: 'record',
    name: 'R',
    fields: fields.map((name) => (name.endsWith('?') ? { name: name.slice(0, -1), type: 'int', default: 0 } : { name, type: 'int' })),
  })

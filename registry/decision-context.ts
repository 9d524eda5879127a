/** What every decision about the registry looks at: the image, the parsed schemas, and the defaults of the process. */
import type { Compare } from './compatibility-levels.ts'
import type { Config } from './entities.ts'
import type { ParsedSchemas } from './parsed-schemas.ts'
import type { RegistryImage } from './registry-image.ts'
import { configInScope, type RegistryDefaults } from './scope.ts'
import type { RegistryRecord } from './topic-records.ts'

export interface DecisionContext {
  readonly image: RegistryImage
  readonly parsed: ParsedSchemas
  readonly defaults: RegistryDefaults
  readonly compare: Compare
  /** Mode.mutability. */
  readonly modesCanChange: boolean
}

/** What is to be written, in this order, and what is answered once it has been read back. */
export interface Decision<T> {
  readonly records: readonly RegistryRecord[]
  readonly answer: T
}

export const scopeOf = ({ image, defaults }: DecisionContext, subject: string | null): Config => configInScope(image, subject, defaults)

export const validatesFields = ({ defaults }: DecisionContext, config: Config): boolean => config.validateFields ?? defaults.validateFields

export const validatesNewSchemas = ({ defaults }: DecisionContext, config: Config): boolean =>
  config.validateNewSchemas ?? defaults.validateNewSchemas

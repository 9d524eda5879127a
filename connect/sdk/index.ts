/** All that a connector may import. */
export * from './connector.ts'
export * from './converter.ts'
export * from './errors.ts'
export * from './predicate.ts'
export * from './record.ts'
export * from './schema.ts'
export * from './settings.ts'
export * from './transform.ts'

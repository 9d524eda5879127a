/**
 * The ready-made schemas, by the names that Confluent's connector has for them, with the same fields and types. The values are our own.
 */
import { activity } from './quickstarts/activity.ts'
import type { Quickstart } from './quickstarts/avro-json.ts'
import { commerce } from './quickstarts/commerce.ts'
import { operations } from './quickstarts/operations.ts'
import { people } from './quickstarts/people.ts'

export const quickstarts: Readonly<Record<string, Quickstart>> = { ...activity, ...commerce, ...people, ...operations }

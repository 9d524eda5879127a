/** The limit of JSON from outside. */
import { isNestedDeeper } from '../../connect/sdk/values/json-nesting.ts'

/** Arrays and objects that may stand in each other. */
export const MAX_JSON_DEPTH = 256

export const isTooDeep = (text: string): boolean => isNestedDeeper(text, MAX_JSON_DEPTH)

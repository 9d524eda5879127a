/**
 * Finds the APIs that the broker serves: one file per key in this folder. It is not edited when one is added.
 */
import { scan } from '../system/scan.ts'
import type { AnyServedApi } from './define-api.ts'

export const loadApis = (): Promise<AnyServedApi[]> => scan<AnyServedApi>(import.meta.dirname, /^\d\d-/)

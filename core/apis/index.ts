/**
 * Finds all APIs: one file per key in this folder. Never edited when one is added.
 */
import { scan } from '../system/scan.ts'
import type { AnyApi } from '../wire/api.ts'

export const loadApis = (): Promise<AnyApi[]> => scan<AnyApi>(import.meta.dirname, /^\d\d-/)

/**
 * Writes the pages that are derived from declarations: `node docs/generate.ts`. A test fails when a page differs from what this would
 * write.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compatibility } from './compatibility.ts'

/** File name under docs/ → content. */
export const pages: Readonly<Record<string, () => Promise<string>>> = { 'COMPATIBILITY.md': compatibility }

export const onDisk = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')

if (import.meta.main) for (const [name, page] of Object.entries(pages)) writeFileSync(join(import.meta.dirname, name), await page())

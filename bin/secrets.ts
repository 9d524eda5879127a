/**
 * What references in the files of this process stand for, kept out of the error that ends it. Loads nothing.
 */
import type { Redact } from '../core/config-references/redaction.ts'

/** Of the files that this process has read. */
const redactions: Redact[] = []

export const hideSecrets = (redact: Redact): void => void redactions.push(redact)

/** A text without what references in the files stand for. */
export const withoutSecrets: Redact = (text) => redactions.reduce((redacted, redact) => redact(redacted), text)

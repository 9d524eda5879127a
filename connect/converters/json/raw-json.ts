/**
 * JSON.rawJSON, which Node has and TypeScript's library does not know yet: text that JSON.stringify takes as it is.
 */
export const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON

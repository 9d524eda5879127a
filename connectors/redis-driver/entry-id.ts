/** The ids of entries of streams, as 1526919030474-55: two numbers of 64 bits. Pure. */

const GREATEST = 2n ** 64n - 1n

export const isEntryId = (text: string): boolean =>
  /^\d{1,20}-\d{1,20}$/.test(text) && text.split('-').every((part) => BigInt(part) <= GREATEST)

/** Where the second number may be missing. */
export const isEntryIdOrTime = (text: string): boolean => isEntryId(text) || isEntryId(`${text}-0`)

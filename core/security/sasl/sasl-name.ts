/**
 * Names in SASL messages (`saslname` of RFC 5802): ASCII without NUL, "=" and "," as escapes. Pure.
 */
const SASL_NAME = /^(?:(?![=,])\p{ASCII}|=2C|=3D)+$/u

export const isSaslName = (text: string): boolean => SASL_NAME.test(text) && !text.includes('\0')

export const encodeName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C')
export const decodeName = (name: string): string => name.replaceAll('=2C', ',').replaceAll('=3D', '=')

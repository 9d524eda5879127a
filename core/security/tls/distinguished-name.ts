/**
 * The subject of a certificate as Java prints it (X500Principal.getName(), RFC 2253), because Kafka's principals and mapping rules are
 * made of it: the last part first, Java's choice of keywords, other types and values in hexadecimal.
 */
import { child, children, type DerElement, derBytes, octets, oid, readDer } from './der.ts'
import { forge } from './forge.ts'

/** The keywords that RFC 2253 names. */
const keywords: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
}
/** UTF8String, PrintableString, T61String, IA5String, GeneralString, BMPString. */
const STRINGS: readonly number[] = [0x0c, 0x13, 0x14, 0x16, 0x1b, 0x1e]
const ESCAPED = ',=+<>#;"\\'
/** Of the subject, after serial number, algorithm, issuer and validity. A version may stand before them, with a tag of its own. */
const SUBJECT = 4

/** @param certificate in DER. */
export function subjectName(certificate: Buffer): string {
  const body = child(readDer(certificate), 0)
  return distinguishedName(child(body, isUniversal(child(body, 0)) ? SUBJECT : SUBJECT + 1))
}

const isUniversal = ({ tagClass }: DerElement): boolean => tagClass === forge().asn1.Class.UNIVERSAL

const distinguishedName = (name: DerElement): string =>
  children(name)
    .map((part) => children(part).map(attribute).join('+'))
    .reverse()
    .join(',')

function attribute(pair: DerElement): string {
  const type = oid(child(pair, 0))
  const value = child(pair, 1)
  const keyword = keywords[type]
  if (!keyword || !isUniversal(value) || value.constructed || !STRINGS.includes(value.type))
    return `${keyword ?? type}=#${derBytes(value).toString('hex')}`
  return `${keyword}=${escaped(contentOf(value).toString('utf8'))}`
}

/** Java reads every kind of string as UTF-8, also one of 16 bits, which node-forge has decoded. */
function contentOf(value: DerElement): Buffer {
  return value.type === forge().asn1.Type.BMPSTRING ? Buffer.from(`${value.value}`, 'utf16le').swap16() : octets(value)
}

const isSpace = (character: string | undefined) => character === ' ' || character === '\r'

function escaped(value: string): string {
  const characters = [...value].map((character) =>
    character === '\0' ? '\\00' : ESCAPED.includes(character) ? `\\${character}` : character,
  )
  let lead = 0
  while (lead < characters.length && isSpace(characters[lead])) lead++
  let trail = characters.length
  while (trail > lead && isSpace(characters[trail - 1])) trail--
  return characters.map((character, index) => (index < lead || index >= trail ? `\\${character}` : character)).join('')
}

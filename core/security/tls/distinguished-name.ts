/**
 * The subject of a certificate as Java prints it (X500Principal.getName(), RFC 2253), because Kafka's principals and mapping rules are
 * made of it: the last part first, Java's choice of keywords, other types and values in hexadecimal.
 */
import { child, type DerElement, derTag, oid, readDer } from './der.ts'

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
/** PrintableString, T61String, IA5String, GeneralString. */
const OTHER_STRINGS: readonly number[] = [0x13, 0x14, 0x16, 0x1b]
const ESCAPED = ',=+<>#;"\\'
const VERSION = 0xa0
/** Of the subject, after serial number, algorithm, issuer and validity. */
const SUBJECT = 4

/** @param certificate in DER. */
export function subjectName(certificate: Buffer): string {
  const body = child(readDer(certificate), 0)
  const offset = body.children[0]?.tag === VERSION ? 1 : 0
  return distinguishedName(child(body, SUBJECT + offset))
}

const distinguishedName = (name: DerElement): string =>
  name.children
    .map((part) => part.children.map(attribute).join('+'))
    .reverse()
    .join(',')

function attribute(pair: DerElement): string {
  const type = oid(child(pair, 0))
  const value = child(pair, 1)
  const keyword = keywords[type]
  const isString = value.tag === derTag.utf8String || value.tag === derTag.bmpString || OTHER_STRINGS.includes(value.tag)
  if (!keyword || !isString) return `${keyword ?? type}=#${value.bytes.toString('hex')}`
  return `${keyword}=${escaped(value.content.toString('utf8'))}`
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

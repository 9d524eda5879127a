/**
 * The table of a charset of one or two bytes for each character, made of the decoder that Node has for it: TextEncoder writes UTF-8 only.
 */
export interface Table {
  decode(bytes: Uint8Array): string
  /** The bytes of each character as one number. */
  readonly encode: ReadonlyMap<number, number>
}

export interface TableOptions {
  /** The bytes from 0x80 to 0x9f are control characters, where the standard of the web has those of Windows. */
  isIso?: boolean
  /** The first bytes of characters of two bytes begin at 0x81; where single bytes of these are characters too, `hasHighSingles`. */
  isDoubleByte?: boolean
  hasHighSingles?: boolean
  /** What Java has and Node's decoder has not. */
  more?: readonly (readonly [character: string, bytes: number])[]
}

const REPLACEMENT = '\ufffd'
const FIRST_CONTROL = 0x80
const LAST_CONTROL = 0x9f

export function table(
  label: string,
  { isIso = false, isDoubleByte = false, hasHighSingles = !isDoubleByte, more = [] }: TableOptions = {},
): Table {
  const decoder = new TextDecoder(label, { ignoreBOM: true })
  const encode = new Map(more.map(([character, bytes]) => [character.charCodeAt(0), bytes]))
  const isControl = (byte: number) => isIso && byte >= FIRST_CONTROL && byte <= LAST_CONTROL
  const single: string[] = []
  for (let byte = 0; byte < 0x100; byte++) {
    const text = isControl(byte) ? String.fromCharCode(byte) : decoder.decode(Uint8Array.of(byte))
    // The web's standard gives controls to the bytes that Windows' code pages leave open.
    const isOpen = !isIso && byte >= FIRST_CONTROL && text.charCodeAt(0) >= FIRST_CONTROL && text.charCodeAt(0) <= LAST_CONTROL
    single.push(isOpen || text.length !== 1 ? REPLACEMENT : text)
    if (single[byte] !== REPLACEMENT && (byte < FIRST_CONTROL || hasHighSingles)) encode.set(single[byte]!.charCodeAt(0), byte)
  }
  if (!isDoubleByte) return { encode, decode: (bytes) => Array.from(bytes, (byte) => single[byte]).join('') }
  for (let lead = 0x81; lead < 0x100; lead++) {
    for (let trail = 0x40; trail < 0x100; trail++) {
      const text = decoder.decode(Uint8Array.of(lead, trail))
      if (text.length === 1 && text !== REPLACEMENT && !encode.has(text.charCodeAt(0))) encode.set(text.charCodeAt(0), (lead << 8) | trail)
    }
  }
  return { encode, decode: (bytes) => decoder.decode(bytes) }
}

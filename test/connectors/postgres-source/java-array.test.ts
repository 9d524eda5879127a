/** Keys in Java's serialization, as Debezium stores them: texts that Java wrote are read, and the same ones are written. */
import { describe, expect, it } from 'vitest'
import { type JavaValue, javaArray, parseJavaArray } from '../../../connectors/postgres-source/java-array.ts'

const OBJECTS = 'ACED0005757200135B4C6A6176612E6C616E672E4F626A6563743B90CE589F1073296C02000078700000000'
const INTEGER = '7200116A6176612E6C616E672E496E746567657212E2A0A4F781873802000149000576616C7565'
const NUMBER = '787200106A6176612E6C616E672E4E756D62657286AC951D0B94E08B0200007870'
const UUID = '72000E6A6176612E7574696C2E55554944BC9903F7986D852F0200024A000C6C65617374536967426974734A000B6D6F73745369674269747378'

/** Written by Java 17. */
const samples: [JavaValue[] | null, string][] = [
  [null, 'ACED000570'],
  [[1], `${OBJECTS}173${INTEGER}${NUMBER}00000001`],
  [
    [1, 2n, 'xé\0😀', null, -5, 7n],
    `${OBJECTS}673${INTEGER}${NUMBER}000000017372000E6A6176612E6C616E672E4C6F6E673B8BE490CC8F23DF0200014A000576616C756578` +
      '71007E0003000000000000000274000B78C3A9C080EDA0BDEDB880707371007E0002FFFFFFFB7371007E00050000000000000007',
  ],
  [['same', 'same'], `${OBJECTS}274000473616D6571007E0002`],
  [[{ uuid: '00000000-0000-0001-0000-000000000002' }], `${OBJECTS}173${UUID}7000000000000000020000000000000001`],
]

describe('keys in the serialization of Java', () => {
  it('are those of Java', () => {
    for (const [values, text] of samples) {
      expect(javaArray(values)).toBe(text)
      expect(parseJavaArray(text)).toEqual(values)
    }
  })

  it('may be a Short', () => {
    const short = `${OBJECTS}17372000F6A6176612E6C616E672E53686F7274684D37133460DA5202000153000576616C7565${NUMBER}0003`
    expect(parseJavaArray(short)).toEqual([3])
  })

  it('are unknown where a text is cut off or is something else', () => {
    const [, text] = samples[2]!
    for (let length = 0; length < text.length; length += 1) expect(parseJavaArray(text.slice(0, length))).toBeUndefined()
    const decimal = `${OBJECTS}1737200146A6176612E6D6174682E426967446563696D616C54C71557F981284F0300024900057363616C654C0006696E7456616C`
    for (const other of ['', 'xyz', 'ACED0006', decimal, 'ACED0005740001', `${OBJECTS}971007E00FF`])
      expect(parseJavaArray(other)).toBeUndefined()
  })
})

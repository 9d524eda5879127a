/**
 * Goal: the name of a certificate is what Java prints, in every case that RFC 2253 and Java leave to choice. Method: the names that Java 17
 * has printed (X500Principal.getName()) for certificates with these subjects.
 */
import { expect, it } from 'vitest'
import { subjectName } from '../../../../core/security/tls/distinguished-name.ts'
import { type NamePart, selfSigned } from '../../../certificates.ts'

const [CN, C, O, OU, DC] = ['2.5.4.3', '2.5.4.6', '2.5.4.10', '2.5.4.11', '0.9.2342.19200300.100.1.25']
const [PRINTABLE, T61, IA5, BMP, UNIVERSAL, OCTETS] = [0x13, 0x14, 0x16, 0x1e, 0x1c, 0x04]

it.each<[string, NamePart[][]]>([
  ['CN=plain', [[[CN, 'plain']]]],
  [
    'CN=a\\=b\\+c\\<d\\>e\\#f\\;g\\"h\\\\i,O=Acme\\, Inc.,C=DE',
    [[[C, 'DE', PRINTABLE]], [[O, 'Acme, Inc.']], [[CN, 'a=b+c<d>e#f;g"h\\i']]],
  ],
  ['CN=\\ lead and trail\\ \\ ', [[[CN, ' lead and trail  ']]]],
  ['CN=\\ \\ \\ ', [[[CN, '   ']]]],
  ['CN=\\#hash', [[[CN, '#hash']]]],
  ['CN=', [[[CN, '']]]],
  ['CN=Grüße 日本 🎉', [[[CN, 'Grüße 日本 🎉']]]],
  [
    'O=x,CN=one+OU=two',
    [
      [
        [CN, 'one'],
        [OU, 'two'],
      ],
      [[O, 'x']],
    ],
  ],
  [
    'OU=b+OU=a+CN=c',
    [
      [
        [OU, 'b'],
        [OU, 'a'],
        [CN, 'c'],
      ],
    ],
  ],
  ['CN=mail,1.2.840.113549.1.9.1=#16056140622e63', [[['1.2.840.113549.1.9.1', 'a@b.c', IA5]], [[CN, 'mail']]]],
  ['CN=\\00B\\00M\\00P', [[[CN, '\0B\0M\0P', BMP]]]],
  ['CN=caf\ufffd', [[[CN, Buffer.from('caf\xe9', 'latin1'), T61]]]],
  ['CN=new\nline\rx\\\r', [[[CN, 'new\nline\rx\r']]]],
  ['CN=z,UID=u1,DC=example,DC=org', [[[DC, 'org', IA5]], [[DC, 'example', IA5]], [['0.9.2342.19200300.100.1.1', 'u1']], [[CN, 'z']]]],
  ['CN=serial,2.5.4.5=#13053132333435', [[['2.5.4.5', '12345', PRINTABLE]], [[CN, 'serial']]]],
  ['ST=State,L=City,STREET=Street 1', [[['2.5.4.9', 'Street 1']], [['2.5.4.7', 'City']], [['2.5.4.8', 'State']]]],
  ['CN=#0403010203', [[[CN, Buffer.from([1, 2, 3]), OCTETS]]]],
  ['CN=#1c0400000041', [[[CN, Buffer.from([0, 0, 0, 0x41]), UNIVERSAL]]]],
  ['1.2.3.4.99999=#0c0178', [[['1.2.3.4.99999', 'x']]]],
  ['2.999.1=#0c0179', [[['2.999.1', 'y']]]],
])('%s', (name, subject) => {
  expect(subjectName(selfSigned({ subject }).der)).toBe(name)
})

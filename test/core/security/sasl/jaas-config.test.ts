/**
 * Goal: a JAAS configuration says the same to us as to Kafka, and an error about one never repeats a password. Method: texts with the
 * escapes, comments and mistakes of Java's grammar; test/peers/sasl.test.ts gives Kafka the same ones.
 */
import { describe, expect, test } from 'vitest'
import { parseJaasConfig, parseJaasFile } from '../../../../core/security/sasl/jaas-config.ts'

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const optionsOf = (text: string) => Object.fromEntries(parseJaasConfig(`${PLAIN} required ${text};`)[0]!.options)

describe('sasl.jaas.config', () => {
  test.each([
    ['username="alice" password="alice-secret"', { username: 'alice', password: 'alice-secret' }],
    ['username=alice password=\'it is "so"\'', { username: 'alice', password: 'it is "so"' }],
    [String.raw`password="a\"b\\c\td\101\7z\400"`, { password: 'a"b\\c\td' + 'A\x07z 0' }],
    [String.raw`password="\u00e9"`, { password: 'u00e9' }],
    ['password="naïve, = ; // not a comment"', { password: 'naïve, = ; // not a comment' }],
    ['user_admin="x" user_alice=y2-z_w$v.u', { user_admin: 'x', user_alice: 'y2-z_w$v.u' }],
    ['// a comment\n password /* of two\nlines */ = "x" / another comment\n', { password: 'x' }],
    ['password = "x" password = "y"', { password: 'y' }],
    ['"quoted key" = "x"', { 'quoted key': 'x' }],
    ['passwört=ü', { passwört: 'ü' }],
    ['password=""', { password: '' }],
    ['__proto__="x"', JSON.parse('{"__proto__":"x"}')],
  ])('%s', (text, expected) => {
    expect(optionsOf(text)).toEqual(expected)
  })

  test('flags in any case, several modules', () => {
    expect(parseJaasConfig('a.B Required; c.D sufficient x=y;').map(({ className, controlFlag }) => [className, controlFlag])).toEqual([
      ['a.B', 'required'],
      ['c.D', 'sufficient'],
    ])
  })

  test.each([
    ['', 'Login module not specified in JAAS config'],
    ['// nothing', 'Login module not specified in JAAS config'],
    [PLAIN, 'Login module control flag not specified in JAAS config'],
    [`${PLAIN} must;`, `Invalid login module control flag for ${PLAIN} in JAAS config`],
    [`${PLAIN} password="hunter2";`, 'Invalid login module control flag'],
    [`${PLAIN} required`, 'JAAS config entry not terminated by semi-colon'],
    [`${PLAIN} required password="hunter2"`, 'JAAS config entry not terminated by semi-colon'],
    [`${PLAIN} required password=;`, "Value not specified for key 'password' in JAAS config"],
    [`${PLAIN} required password=12hunter2;`, "Value not specified for key 'password' in JAAS config"],
    [`${PLAIN} required password=-hunter2;`, "Value not specified for key 'password' in JAAS config"],
    [`${PLAIN} required username=a password=my hunter2;`, 'Key and value expected after password in JAAS config'],
    [`${PLAIN} required username=a password=my=hunter2;`, 'Key and value expected after password in JAAS config'],
    [`${PLAIN} required username=a password="hunt"hunter2";`, 'Key and value expected after password in JAAS config'],
    [`${PLAIN} required ${'x'.repeat(2 ** 20)};`, 'a JAAS configuration may have 1048576 characters'],
  ])('%.90s: refused, and no password is told', (text, message) => {
    expect(() => parseJaasConfig(text)).toThrow(message)
    expect(() => parseJaasConfig(text)).not.toThrow(/hunter2/)
  })
})

describe('a JAAS file', () => {
  test('has entries by name, with properties of Java in their values', () => {
    const file = `
      KafkaServer {
        ${PLAIN} required username="admin" user_admin="\${secret.of.admin}";
        org.apache.kafka.common.security.scram.ScramLoginModule required;
      };
      // Connect's basic authentication.
      KafkaConnect { org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required file="\${/}etc\${/}users"; };`
    const entries = parseJaasFile(file, { 'secret.of.admin': 'hunter2' })
    expect([...entries.keys()]).toEqual(['KafkaServer', 'KafkaConnect'])
    expect(entries.get('KafkaServer')!.map(({ options }) => Object.fromEntries(options))).toEqual([
      { username: 'admin', user_admin: 'hunter2' },
      {},
    ])
    expect(entries.get('KafkaConnect')![0]!.options.get('file')).toBe('/etc/users')
  })

  test.each([
    ['KafkaServer', 'not a list of entries of the form NAME { … };'],
    ['KafkaServer { a.B required x=y; }', 'no ; after its closing }'],
    ['KafkaServer { a.B required x=y;', 'The entry KafkaServer of the JAAS file has no closing }'],
    ['A { b.C required; }; A { b.C required; };', 'more than one entry A'],
    [`A { b.C required x="\${nowhere}"; };`, 'uses the system property nowhere, which is not set: pass -Dnowhere=… in KAFKA_OPTS'],
  ])('%s: refused', (text, message) => {
    expect(() => parseJaasFile(text, {})).toThrow(message)
  })
})

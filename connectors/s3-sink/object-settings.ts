/**
 * The names of objects, how they are uploaded and what they are given: the settings of Confluent's S3 sink, and the limit of memory. Some
 * are accepted only, so that configs of Confluent are valid.
 */
import { setting } from '../../connect/sdk/index.ts'
import { customerKeyProblem } from '../s3-driver/customer-key.ts'

const MIB = 1024 * 1024
const LEAST_PART_BYTES = 5 * MIB
const LEAST_HELD_MB = 32
/** Names have 1024 bytes. */
const MAX_OFFSET_DIGITS = 100

export const storageSettings = {
  'storage.class': setting.oneOf(['io.confluent.connect.s3.storage.S3Storage'], {
    doc: 'Accepted, as in configs of Confluent: there is no other storage.',
    default: 'io.confluent.connect.s3.storage.S3Storage',
    group: 'Storage',
    displayName: 'Storage Class',
    exactCase: true,
  }),
  'topics.dir': setting.string({
    doc: 'The folder of all topics in the bucket; with an empty text the topics are at the top.',
    default: 'topics',
    importance: 'HIGH',
    group: 'Storage',
    displayName: 'Topics directory',
  }),
  'directory.delim': setting.string({
    doc: 'What separates folders.',
    default: '/',
    group: 'Storage',
    displayName: 'Directory Delimiter',
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'file.delim': setting.string({
    doc: 'What separates the parts of the name of an object.',
    default: '+',
    group: 'Storage',
    displayName: 'File Delimiter',
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'filename.offset.zero.pad.width': setting.int({
    doc: 'The number of digits of the offset in the name of an object.',
    default: 10,
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Filename Offset Zero Pad Width',
    least: 0,
    check: (digits) => (digits > MAX_OFFSET_DIGITS ? `Value must be no more than ${MAX_OFFSET_DIGITS}` : undefined),
  }),
}

export const objectSettings = {
  's3.part.size': setting.int({
    doc: 'The bytes of a part of an upload, and of an object that is written at once.',
    default: 25 * MIB,
    importance: 'HIGH',
    group: 'S3',
    displayName: 'S3 Part Size',
    least: LEAST_PART_BYTES,
  }),
  'buffer.memory.mb': setting.int({
    doc: 'The megabytes of open objects that a task keeps in memory. More are uploaded early, or wait on the disk of the worker.',
    default: 256,
    group: 'S3',
    least: LEAST_HELD_MB,
  }),
  's3.acl.canned': setting.oneOf(
    [
      'private',
      'public-read',
      'public-read-write',
      'authenticated-read',
      'aws-exec-read',
      'log-delivery-write',
      'bucket-owner-read',
      'bucket-owner-full-control',
    ],
    { doc: 'The canned ACL of objects.', default: null, importance: 'LOW', group: 'S3', displayName: 'S3 Canned ACL' },
  ),
  's3.ssea.name': setting.oneOf(['', 'AES256', 'aws:kms'], {
    doc: 'The encryption of objects by the store.',
    default: '',
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Server Side Encryption Algorithm',
  }),
  's3.sse.customer.key': setting.password({
    doc: 'The key with which the store encrypts objects, and keeps not: 32 bytes in base64. It needs HTTPS.',
    default: null,
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Server Side Encryption Customer-Provided Key (SSE-C)',
    check: customerKeyProblem,
  }),
  's3.sse.kms.key.id': setting.string({
    doc: 'The key of KMS, with s3.ssea.name=aws:kms.',
    default: '',
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Server Side Encryption Key',
  }),
  's3.send.digest': setting.boolean({
    doc: 'Whether requests with content have its MD5.',
    default: false,
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Send Upload Message Digest',
  }),
  's3.object.tagging': setting.boolean({
    doc: 'Whether objects get the tags startOffset, endOffset and recordCount.',
    default: false,
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Object Tagging',
  }),
  's3.object.tagging.key.value.pairs': setting.list({
    doc: 'More tags of objects, as name:value, with s3.object.tagging=true.',
    default: [],
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Object Tagging Extra Key Value pairs',
    check: (pairs) => (pairs.every((pair) => /^[^:]+:.*$/.test(pair)) ? undefined : 'Each is a name and a value with a colon between'),
  }),
  's3.object.behavior.on.tagging.error': setting.oneOf(['ignore', 'fail'], {
    doc: 'Whether an object whose tags are refused is left without them, or fails the task.',
    default: 'ignore',
    importance: 'LOW',
    group: 'S3',
    displayName: 'Behavior for S3 object tagging error',
  }),
  'retry.backoff.ms': setting.long({
    doc: 'The delay in ms before records are written again after the retries of s3.part.retries.',
    default: 5000,
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Retry Backoff (ms)',
    least: 0,
  }),
  'shutdown.timeout.ms': setting.long({
    doc: 'Accepted: it is about Hive, which this sink does not update.',
    default: 3000,
    group: 'Connector',
    displayName: 'Shutdown Timeout (ms)',
  }),
  's3.elastic.buffer.enable': setting.boolean({
    doc: 'Accepted: buffers always grow with their content.',
    default: false,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Enable elastic buffer to staging s3-part',
  }),
  's3.elastic.buffer.init.capacity': setting.int({
    doc: 'Accepted: buffers always grow with their content.',
    default: 131_072,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Elastic buffer initial capacity',
  }),
  'max.write.duration.ms': setting.long({
    doc: 'Accepted: uploads run beside the consumer, which stays in its group.',
    default: Number.MAX_SAFE_INTEGER,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Maximum write duration',
  }),
  'enable.conditional.writes': setting.boolean({
    doc: 'Accepted: an object whose name exists is written again.',
    default: true,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Enable conditional writes during multipart upload',
  }),
}

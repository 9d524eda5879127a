/**
 * TimestampRouter: makes the topic of records from their topic and their timestamp, in UTC.
 */

import { SimpleDateFormat } from '../sdk/date-format/simple-date-format.ts'
import { DataError, defineTransform, setting } from '../sdk/index.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
const TOPIC = '${topic}'
// biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
const TIMESTAMP = '${timestamp}'

export default defineTransform({
  class: 'org.apache.kafka.connect.transforms.TimestampRouter',
  doc: 'Makes the topic of each record from its topic and its timestamp.',
  settings: {
    'topic.format': setting.string({
      default: `${TOPIC}-${TIMESTAMP}`,
      doc: `The new topic, in which ${TOPIC} and ${TIMESTAMP} are replaced.`,
      importance: 'HIGH',
    }),
    'timestamp.format': setting.string({
      default: 'yyyyMMdd',
      doc: 'The format of the timestamp, a pattern of java.text.SimpleDateFormat. The time zone is UTC.',
      importance: 'HIGH',
    }),
  },
  create(config) {
    let format: SimpleDateFormat | undefined
    return (record) => {
      if (record.timestamp === null) throw new DataError(`Timestamp missing on record: ${record.topic}`)
      // A pattern that is wrong fails records, as in Kafka Connect, and not the task at its start. Nothing is read: the century is free.
      format ??= new SimpleDateFormat(config['timestamp.format'], 0)
      const timestamp = format.format(record.timestamp)
      const topic = config['topic.format'].replaceAll(TOPIC, () => record.topic).replaceAll(TIMESTAMP, () => timestamp)
      return { ...record, topic }
    }
  },
})

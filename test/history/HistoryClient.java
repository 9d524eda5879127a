// The actors of Java's client: transactions, transactions that copy, and committed reads, assigned and in a group. Each operation is a line
// of JSON on standard output, as history.ts has it. A line on standard input stops the writers, the second one the readers; so does its end.
// java -cp 'kafka/libs/*' HistoryClient.java BOOTSTRAP SEED

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

public class HistoryClient {
  static final double ABORTED_SHARE = 0.25;
  static final Map<String, Integer> TOPICS = Map.of("events", 3, "input", 2, "copies", 2);
  static final String COPY_GROUP = "java-copies";
  static final String READ_GROUP = "java-reads";
  static String bootstrap;
  static volatile boolean writing = true;
  static volatile boolean over = false;

  static long now() {
    return System.nanoTime() / 1000;
  }

  static String key(TopicPartition at) {
    return at.topic() + "-" + at.partition();
  }

  static String text(String value) {
    return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  static class Operation {
    final String process;
    final boolean transactional;
    final long started = now();
    final List<String> steps = new ArrayList<>();
    Long decided = null;

    Operation(String process, boolean transactional) {
      this.process = process;
      this.transactional = transactional;
    }

    void send(String key, String value, Long offset, String source) {
      steps.add("{\"kind\":\"send\",\"key\":" + text(key) + ",\"value\":" + text(value) + ",\"offset\":" + offset
          + (source == null ? "" : ",\"source\":" + source) + "}");
    }

    void poll(Iterable<ConsumerRecord<String, String>> records) {
      List<String> all = new ArrayList<>();
      for (ConsumerRecord<String, String> record : records)
        all.add("{\"key\":" + text(record.topic() + "-" + record.partition()) + ",\"offset\":" + record.offset() + ",\"value\":"
            + text(record.value()) + "}");
      steps.add("{\"kind\":\"poll\",\"at\":" + now() + ",\"isolation\":\"read_committed\",\"records\":[" + String.join(",", all) + "]}");
    }

    void assign() {
      steps.add("{\"kind\":\"assign\",\"keys\":\"all\"}");
    }

    void commit(String group, TopicPartition at, long offset) {
      steps.add("{\"kind\":\"commit\",\"group\":" + text(group) + ",\"key\":" + text(key(at)) + ",\"offset\":" + offset + "}");
    }

    void end(String ending) {
      String line = "{\"process\":" + text(process) + ",\"transactional\":" + transactional + ",\"started\":" + started + ",\"decided\":"
          + decided + ",\"ended\":" + now() + ",\"ending\":" + text(ending) + ",\"steps\":[" + String.join(",", steps) + "]}";
      synchronized (System.out) {
        System.out.println(line);
        System.out.flush();
      }
    }
  }

  // Sends of one operation: they are written down with their offsets, or without where no acknowledgement came.
  static class Batch {
    final Map<ProducerRecord<String, String>, String> sources = new HashMap<>();
    final List<ProducerRecord<String, String>> records = new ArrayList<>();
    final List<Future<RecordMetadata>> answers = new ArrayList<>();

    void add(KafkaProducer<String, String> producer, ProducerRecord<String, String> record, String source) {
      records.add(record);
      sources.put(record, source);
      answers.add(producer.send(record));
    }

    void await() throws Exception {
      for (Future<RecordMetadata> answer : answers) answer.get();
    }

    void writeTo(Operation operation) {
      for (int i = 0; i < records.size(); i++) {
        ProducerRecord<String, String> record = records.get(i);
        Long offset = null;
        try {
          if (i < answers.size() && answers.get(i).isDone()) offset = answers.get(i).get().offset();
        } catch (Exception unknown) {
          // No acknowledgement.
        }
        operation.send(record.topic() + "-" + record.partition(), record.value(), offset, sources.get(record));
      }
    }
  }

  static KafkaProducer<String, String> producer(String transactionalId) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("transactional.id", transactionalId);
    config.put("transaction.timeout.ms", "8000");
    config.put("request.timeout.ms", "5000");
    config.put("delivery.timeout.ms", "20000");
    config.put("max.block.ms", "20000");
    config.put("linger.ms", "1");
    config.put("reconnect.backoff.ms", "20");
    config.put("reconnect.backoff.max.ms", "200");
    config.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    config.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    KafkaProducer<String, String> producer = new KafkaProducer<>(config);
    try {
      producer.initTransactions();
    } catch (RuntimeException error) {
      producer.close(Duration.ZERO);
      throw error;
    }
    return producer;
  }

  static KafkaConsumer<String, String> consumer(String group) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    if (group != null) config.put("group.id", group);
    config.put("isolation.level", "read_committed");
    config.put("enable.auto.commit", "false");
    config.put("auto.offset.reset", "earliest");
    config.put("session.timeout.ms", "6000");
    config.put("heartbeat.interval.ms", "500");
    config.put("request.timeout.ms", "5000");
    config.put("default.api.timeout.ms", "20000");
    config.put("fetch.max.wait.ms", "100");
    config.put("reconnect.backoff.ms", "20");
    config.put("reconnect.backoff.max.ms", "200");
    config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    config.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    return new KafkaConsumer<>(config);
  }

  static Set<TopicPartition> partitions(Collection<String> topics) {
    Set<TopicPartition> all = new HashSet<>();
    for (String topic : topics) for (int i = 0; i < TOPICS.get(topic); i++) all.add(new TopicPartition(topic, i));
    return all;
  }

  static void sawLast(Set<TopicPartition> missing, Iterable<ConsumerRecord<String, String>> records) {
    for (ConsumerRecord<String, String> record : records)
      if (record.value().equals("the last of " + record.topic() + "-" + record.partition()))
        missing.remove(new TopicPartition(record.topic(), record.partition()));
  }

  static void transactions(String process, Random random) throws Exception {
    KafkaProducer<String, String> producer = null;
    for (int serial = 0; writing; serial++) {
      Operation operation = null;
      Batch batch = new Batch();
      String ending = "fail";
      try {
        if (producer == null) producer = producer("java-writes");
        producer.beginTransaction();
        operation = new Operation(process, true);
        int batches = 1 + random.nextInt(4);
        for (int n = 0; n < batches; n++) {
          int partition = random.nextInt(TOPICS.get("events"));
          int count = 1 + random.nextInt(5);
          for (int i = 0; i < count; i++)
            batch.add(producer, new ProducerRecord<>("events", partition, null, process + " " + serial + "." + n + "." + i), null);
          if (random.nextBoolean()) producer.flush();
        }
        batch.await();
        if (random.nextDouble() < ABORTED_SHARE) {
          producer.abortTransaction();
        } else {
          operation.decided = now();
          ending = "info";
          producer.commitTransaction();
          ending = "ok";
        }
      } catch (Exception error) {
        log(process, error);
        producer = closed(producer);
      }
      if (operation != null) {
        batch.writeTo(operation);
        operation.end(ending);
      }
    }
    closed(producer);
  }

  static void copies(String process, Random random) throws Exception {
    Set<TopicPartition> missing = partitions(List.of("events"));
    for (int client = 0; !missing.isEmpty() && !over; client++) {
      KafkaProducer<String, String> producer = null;
      KafkaConsumer<String, String> consumer = null;
      try {
        producer = producer("java-copies");
        consumer = consumer(COPY_GROUP);
        copy(process, process + " " + client, random, producer, consumer, missing);
      } catch (Exception error) {
        log(process, error);
      }
      if (consumer != null) consumer.close(Duration.ofSeconds(1));
      closed(producer);
    }
  }

  static void copy(String process, String name, Random random, KafkaProducer<String, String> producer,
      KafkaConsumer<String, String> consumer, Set<TopicPartition> missing) throws Exception {
    boolean[] isAssignedAnew = {true};
    consumer.subscribe(List.of("events"), onAssigned(isAssignedAnew));
    for (int serial = 0; !missing.isEmpty() && !over;) {
      var records = consumer.poll(Duration.ofMillis(100));
      if (records.isEmpty()) continue;
      Operation operation = new Operation(process, true);
      if (isAssignedAnew[0]) operation.assign();
      isAssignedAnew[0] = false;
      operation.poll(records);
      Batch batch = new Batch();
      Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
      String ending = "fail";
      try {
        producer.beginTransaction();
        for (TopicPartition at : records.partitions())
          for (ConsumerRecord<String, String> record : records.records(at)) {
            String source = "{\"group\":" + text(COPY_GROUP) + ",\"key\":" + text(key(at)) + ",\"offset\":" + record.offset() + "}";
            batch.add(producer, new ProducerRecord<>("copies", at.partition() % TOPICS.get("copies"), null,
                name + "." + serial++ + ": " + record.value()), source);
            positions.put(at, new OffsetAndMetadata(record.offset() + 1));
          }
        producer.sendOffsetsToTransaction(positions, consumer.groupMetadata());
        batch.await();
        if (random.nextDouble() < ABORTED_SHARE) {
          producer.abortTransaction();
          rewind(consumer);
          isAssignedAnew[0] = true;
        } else {
          operation.decided = now();
          ending = "info";
          producer.commitTransaction();
          ending = "ok";
        }
      } finally {
        batch.writeTo(operation);
        positions.forEach((at, position) -> operation.commit(COPY_GROUP, at, position.offset()));
        operation.end(ending);
      }
      if (ending.equals("ok")) sawLast(missing, records);
    }
  }

  // Java's consumer does not go back by itself when a transaction is aborted.
  static void rewind(KafkaConsumer<String, String> consumer) {
    var committed = consumer.committed(consumer.assignment());
    for (TopicPartition at : consumer.assignment())
      if (committed.get(at) == null) consumer.seekToBeginning(List.of(at));
      else consumer.seek(at, committed.get(at));
  }

  static void reads(String process, Collection<String> topics, String group) throws Exception {
    Set<TopicPartition> missing = partitions(topics);
    while (!missing.isEmpty() && !over) {
      boolean[] isAssignedAnew = {true};
      KafkaConsumer<String, String> consumer = consumer(group);
      try {
        if (group != null) consumer.subscribe(topics, onAssigned(isAssignedAnew));
        else {
          consumer.assign(partitions(topics));
          consumer.seekToBeginning(consumer.assignment());
        }
        while (!missing.isEmpty() && !over) {
          var records = consumer.poll(Duration.ofMillis(100));
          if (records.isEmpty()) continue;
          Operation operation = new Operation(process, false);
          if (isAssignedAnew[0]) operation.assign();
          isAssignedAnew[0] = false;
          operation.poll(records);
          sawLast(missing, records);
          String ending = "info";
          try {
            if (group != null) {
              // Also of partitions in which only markers and aborted records were passed.
              records.nextOffsets().forEach((at, position) -> operation.commit(group, at, position.offset()));
              consumer.commitSync(records.nextOffsets());
            }
            ending = "ok";
          } finally {
            operation.end(ending);
          }
        }
      } catch (Exception error) {
        log(process, error);
      }
      consumer.close(Duration.ofSeconds(1));
    }
  }

  static ConsumerRebalanceListener onAssigned(boolean[] isAssignedAnew) {
    return new ConsumerRebalanceListener() {
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        isAssignedAnew[0] = true;
      }
    };
  }

  // A transaction that is open stays so: the next producer of the same id, or its timeout, aborts it.
  static KafkaProducer<String, String> closed(KafkaProducer<String, String> producer) {
    if (producer != null) producer.close(Duration.ZERO);
    return null;
  }

  static void log(String process, Exception error) throws Exception {
    System.err.println(process + ": " + error);
    Thread.sleep(100);
  }

  interface Actor {
    void run() throws Exception;
  }

  static Thread start(String process, Actor actor) {
    Thread thread = new Thread(() -> {
      try {
        actor.run();
        System.out.println("{\"done\":" + text(process) + "}");
      } catch (Exception error) {
        System.err.println(process + " ended: " + error);
      }
    }, process);
    thread.start();
    return thread;
  }

  public static void main(String[] arguments) throws Exception {
    bootstrap = arguments[0];
    long seed = Long.parseLong(arguments[1]);
    start("java transactions", () -> transactions("java transactions", new Random(seed)));
    start("java copier", () -> copies("java copier", new Random(seed + 1)));
    start("java reader", () -> reads("java reader", TOPICS.keySet(), null));
    start("java member", () -> reads("java member", List.of("events"), READ_GROUP));
    System.in.read();
    writing = false;
    System.in.read();
    over = true;
  }
}

// Drives the transactions of Kafka's Java clients for test/conformance/driven-client.ts: a command is a line of JSON on standard input, its
// answer and what the readers receive are lines of JSON on standard output. Commands run one after another, each reader in its own thread.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

class TransactionalDriver {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, KafkaProducer<String, String>> PRODUCERS = new HashMap<>();
    static final Map<String, Reader> READERS = new HashMap<>();
    static String bootstrap;

    static synchronized void tell(Map<String, Object> line) {
        try {
            System.out.println(JSON.writeValueAsString(line));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static class Reader extends Thread {
        final String name;
        final KafkaConsumer<String, String> consumer;
        final Map<TopicPartition, OffsetAndMetadata> next = new ConcurrentHashMap<>();
        volatile ConsumerGroupMetadata membership;
        final boolean grouped;
        volatile boolean stopped;

        Reader(String name, String topic, String isolation, String group) {
            this.name = name;
            grouped = group != null;
            Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation,
                "enable.auto.commit", "false", "auto.offset.reset", "earliest", "fetch.max.wait.ms", "100"));
            if (grouped) config.put("group.id", group);
            consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
            if (grouped) {
                consumer.subscribe(List.of(topic));
            } else {
                List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
                consumer.assign(partitions);
                consumer.seekToBeginning(partitions);
            }
            start();
        }

        @Override
        public void run() {
            while (!stopped) {
                List<String> received = new ArrayList<>();
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50))) {
                    next.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
                    received.add(record.value());
                }
                if (received.isEmpty()) continue;
                if (grouped) membership = consumer.groupMetadata();
                tell(Map.of("reader", name, "values", received));
            }
            consumer.close();
        }
    }

    static void openProducer(String name, JsonNode command) {
        int timeoutMs = command.get("timeoutMs").asInt();
        KafkaProducer<String, String> producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap,
            "transactional.id", command.get("transactionalId").asText(), "transaction.timeout.ms", timeoutMs,
            "delivery.timeout.ms", 20000, "request.timeout.ms", 10000, "max.block.ms", 60000), new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        PRODUCERS.put(name, producer);
    }

    static void send(KafkaProducer<String, String> producer, JsonNode command) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode value : command.get("values"))
            sent.add(producer.send(new ProducerRecord<>(command.get("topic").asText(), command.get("partition").asInt(), null, value.asText())));
        producer.flush();
        for (Future<RecordMetadata> one : sent) one.get();
    }

    static void run(JsonNode command) throws Exception {
        String name = command.get("name").asText();
        KafkaProducer<String, String> producer = PRODUCERS.get(name);
        switch (command.get("op").asText()) {
            case "openProducer" -> openProducer(name, command);
            case "begin" -> producer.beginTransaction();
            case "send" -> send(producer, command);
            case "sendOffsets" -> {
                Reader reader = READERS.get(command.get("reader").asText());
                producer.sendOffsetsToTransaction(new HashMap<>(reader.next), reader.membership);
            }
            case "commit" -> producer.commitTransaction();
            case "abort" -> producer.abortTransaction();
            case "closeProducer" -> PRODUCERS.remove(name).close(Duration.ofSeconds(1));
            case "openReader" -> {
                JsonNode group = command.get("group");
                READERS.put(name, new Reader(name, command.get("topic").asText(), command.get("isolation").asText(), group.isNull() ? null : group.asText()));
            }
            case "closeReader" -> {
                Reader reader = READERS.remove(name);
                reader.stopped = true;
                reader.join();
            }
            default -> throw new IllegalArgumentException("no command " + command);
        }
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode command = JSON.readTree(line);
            try {
                run(command);
                tell(Map.of("id", command.get("id")));
            } catch (Exception failure) {
                Throwable error = failure instanceof ExecutionException ? failure.getCause() : failure;
                String message = String.valueOf(error.getMessage());
                Map<String, Object> told = Map.of("name", error.getClass().getSimpleName(), "fatal", false, "message", message);
                tell(Map.of("id", command.get("id"), "error", told));
            }
        }
        for (Reader reader : READERS.values()) reader.stopped = true;
        for (KafkaProducer<String, String> producer : PRODUCERS.values()) producer.close(Duration.ofSeconds(1));
    }
}

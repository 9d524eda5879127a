// Kafka Connect's side of bench/transforms.ts: JsonConverter and a chain of transforms in one thread, without a worker around them. The
// arguments are a file with one JSON object, `transforms` (class and config of each) and `values` (texts in JsonConverter's envelope), the
// seconds to warm up and the seconds to measure. Prints the records in a second: of all, of the converter alone, of the chain alone.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToLongFunction;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.transforms.Transformation;

class TransformChain {
    static final long TIMESTAMP = 1_700_000_000_000L;

    /** The work is done over and over until the time is over; each call of it is one record. */
    static double perSecond(IntToLongFunction work, double seconds) {
        long checksum = 0;
        long count = 0;
        long start = System.nanoTime();
        double elapsed = 0;
        while (elapsed < seconds) {
            for (int i = 0; i < 1000; i++) checksum += work.applyAsLong((int) (count++ & 0x7fffffff));
            elapsed = (System.nanoTime() - start) / 1e9;
        }
        if (checksum == 42) System.err.println("a checksum that keeps the work");
        return count / elapsed;
    }

    static SinkRecord record(SchemaAndValue value) {
        return new SinkRecord("orders", 0, null, null, value.schema(), value.value(), 0L, TIMESTAMP, TimestampType.CREATE_TIME);
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        JsonNode input = new ObjectMapper().readTree(new File(args[0]));
        double warmUp = Double.parseDouble(args[1]);
        double measured = Double.parseDouble(args[2]);
        List<Transformation<SinkRecord>> chain = new ArrayList<>();
        for (JsonNode given : input.get("transforms")) {
            Transformation<SinkRecord> transform =
                (Transformation<SinkRecord>) Class.forName(given.get("class").asText()).getDeclaredConstructor().newInstance();
            Map<String, String> config = new LinkedHashMap<>();
            given.get("config").fields().forEachRemaining((entry) -> config.put(entry.getKey(), entry.getValue().asText()));
            transform.configure(config);
            chain.add(transform);
        }
        List<byte[]> values = new ArrayList<>();
        for (JsonNode value : input.get("values")) values.add(value.asText().getBytes(StandardCharsets.UTF_8));
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("converter.type", "value"));

        List<SchemaAndValue> read = new ArrayList<>();
        for (byte[] value : values) read.add(converter.toConnectData("orders", value));
        IntToLongFunction all = (i) -> {
            SinkRecord record = record(converter.toConnectData("orders", values.get(i % values.size())));
            for (Transformation<SinkRecord> transform : chain) record = transform.apply(record);
            return converter.fromConnectData(record.topic(), record.valueSchema(), record.value()).length;
        };
        IntToLongFunction converted = (i) -> {
            SchemaAndValue value = converter.toConnectData("orders", values.get(i % values.size()));
            return converter.fromConnectData("orders", value.schema(), value.value()).length;
        };
        IntToLongFunction transformed = (i) -> {
            SinkRecord record = record(read.get(i % read.size()));
            for (Transformation<SinkRecord> transform : chain) record = transform.apply(record);
            return record.topic().length();
        };
        StringBuilder shown = new StringBuilder();
        for (IntToLongFunction work : List.of(all, converted, transformed)) {
            perSecond(work, warmUp);
            shown.append(shown.length() == 0 ? "" : " ").append(perSecond(work, measured));
        }
        System.out.println(shown);
    }
}

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;

/**
 * What Java's Avro says, a line for a line: `parse TEXT` gives the text of Schema.toString or the error, `check READER WRITER` the
 * incompatibilities. Texts are in Base64.
 */
class AvroOracle {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      List<String> answer = new ArrayList<>();
      try {
        if (words[0].equals("parse")) {
          answer.add("schema");
          answer.add(parse(words[1]).toString());
        } else {
          var pair = SchemaCompatibility.checkReaderWriterCompatibility(parse(words[1]), parse(words[2]));
          answer.add("check");
          for (var found : pair.getResult().getIncompatibilities())
            answer.add(found.getType() + "|" + found.getLocation() + "|" + found.getMessage());
        }
      } catch (RuntimeException error) {
        answer = List.of("error", String.valueOf(error.getMessage()));
      }
      StringBuilder out = new StringBuilder();
      for (String word : answer)
        out.append(Base64.getEncoder().encodeToString(word.getBytes(StandardCharsets.UTF_8))).append(' ');
      System.out.println(out);
    }
  }

  private static Schema parse(String word) {
    String text = new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
    return new Schema.Parser(NameValidator.STRICT_VALIDATOR).setValidateDefaults(true).parse(text);
  }
}

/**
 * Describes the cluster of each file of client properties in the arguments, with one client each, and prints a line for each: RESULT, and "ok" or the
 * error and its causes, the outermost first. The other lines are the log of Kafka.
 */
import java.io.FileReader;
import java.io.Reader;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;

class ClusterDescriber {
  public static void main(String[] files) throws Exception {
    for (String file : files) {
      Properties settings = new Properties();
      try (Reader reader = new FileReader(file)) {
        settings.load(reader);
      }
      System.out.println("RESULT " + describe(settings));
    }
  }

  private static String describe(Properties settings) throws InterruptedException {
    try (Admin admin = Admin.create(settings)) {
      admin.describeCluster().clusterId().get();
      return "ok";
    } catch (ExecutionException error) {
      return chain(error.getCause());
    } catch (RuntimeException error) {
      return chain(error);
    }
  }

  private static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (text.length() > 0) text.append(" <- ");
      text.append(cause.getClass().getSimpleName()).append(": ").append(String.valueOf(cause.getMessage()).replaceAll("\\s+", " "));
    }
    return text.toString();
  }
}
